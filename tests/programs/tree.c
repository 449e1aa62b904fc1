/* A process, or a small tree of them, that does what its arguments say:
 *
 *   tree WORD... [+ CHILD...]         the rest of the line is that of a child of it
 *   tree WORD... [& CHILD... [& ...]] several children
 *
 * A WORD is SIGNAL:ACTION[:NUMBER[:NUMBER]] or one of those that `option` knows. Every process
 * exits 0 at SIGUSR1 (unless told otherwise): so the harness can end it without a stop signal. */
#include "st.h"

#define MOST 16

struct action { const char *name; long ms; long code; };

static struct action actions[65];
static pid_t children[MOST];
static int child_count;
/* All that the children announced: themselves and what is below them. */
static char announced[512];
static pid_t peers[MOST];
static int peer_count;
static volatile sig_atomic_t exit_after_reraise = -1;
static sigset_t consumed;
static const char *consumer;
static int threads, leader_exits, reaps;
static long quits = -1;

static void tell_children(int signal)
{
    for (int i = 0; i < child_count; i++)
        kill(children[i], signal);
}

static void wait_for_children(void)
{
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
    }
}

/* More memory than any limit of the harness, each page of it touched. */
static void hog(void)
{
    for (;;) {
        const size_t size = 1 << 20;
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            _exit(124);
        memset(memory, 1, size);
    }
}

/* A second of processor time more than is allowed: the kernel kills. */
static void burn(void)
{
    const struct rlimit limit = { 1, 1 };
    setrlimit(RLIMIT_CPU, &limit);
    for (volatile unsigned long turns = 0;; turns++) {
    }
}

static void act(int signal)
{
    const struct action *action = &actions[signal];
    const char *is = action->name;
    if (strcmp(is, "exit") == 0) {
        nap(action->ms);
        _exit(action->code);
    } else if (strcmp(is, "reraise") == 0) {
        nap(action->ms);
        actions[signal].name = "reraised";
        struct sigaction standard = { .sa_handler = SIG_DFL };
        sigaction(signal, &standard, NULL);
        exit_after_reraise = action->code;
        raise(signal);
    } else if (strcmp(is, "segv") == 0) {
        nap(action->ms);
        *(volatile int *)16 = 1;
    } else if (strcmp(is, "abort") == 0) {
        nap(action->ms);
        abort();
    } else if (strcmp(is, "suicide") == 0) {
        nap(action->ms);
        kill(getpid(), SIGKILL);
    } else if (strcmp(is, "hog") == 0) {
        hog();
    } else if (strcmp(is, "burn") == 0) {
        burn();
    } else if (strcmp(is, "forward") == 0) {
        tell_children(signal);
        wait_for_children();
        _exit(action->code);
    } else if (strcmp(is, "leave") == 0) { /* Tells the children, and does not wait for them. */
        tell_children(signal);
        nap(action->ms);
        _exit(action->code);
    } else if (strcmp(is, "supervise") == 0) { /* Its own patience, then SIGKILL. */
        tell_children(signal);
        nap(action->ms);
        tell_children(SIGKILL);
        wait_for_children();
        _exit(action->code);
    } else if (strcmp(is, "killkids") == 0) {
        nap(action->ms);
        tell_children(SIGKILL);
        wait_for_children();
        _exit(action->code);
    } else if (strcmp(is, "waitkids") == 0) { /* Tells nobody, and waits. */
        wait_for_children();
        _exit(action->code);
    } else if (strcmp(is, "killpeer") == 0) {
        kill(peers[0], SIGKILL);
        _exit(action->code);
    } else if (strcmp(is, "killparent") == 0) {
        kill(getppid(), SIGKILL);
        _exit(action->code);
    }
    /* swallow: nothing. */
}

/* Moves to the cgroup of this `cgroup.procs`, and starts anew in it with the other words, as what
 * service managers start does. */
static void join(char **words)
{
    static char program[4096];
    const char *file = words[0] + 5;
    const int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        die(file);
    close(fd);
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        die("/proc/self/exe");
    words[0] = program;
    execv(program, words);
    die(program);
}

static void option(const char *word)
{
    if (strcmp(word, "autoreap") == 0)
        signal(SIGCHLD, SIG_IGN);
    else if (strcmp(word, "subreaper") == 0)
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    else if (strcmp(word, "pdeath") == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    else if (strcmp(word, "session") == 0)
        setsid();
    else if (strcmp(word, "threads") == 0)
        threads = 3;
    else if (strcmp(word, "leader-exits") == 0)
        leader_exits = 1;
    else if (strcmp(word, "reaps") == 0)
        reaps = 1;
    else if (strcmp(word, "quits") == 0)
        quits = 0;
    else
        die(word);
}

/* Takes over one WORD. */
static void take(char *word)
{
    char *rest = strchr(word, ':');
    if (!rest) {
        option(word);
        return;
    }
    *rest++ = 0;
    const int number = number_of(word);
    struct action *action = &actions[number];
    action->name = strsep(&rest, ":");
    const char *ms = strsep(&rest, ":"), *code = strsep(&rest, ":");
    action->ms = ms ? atol(ms) : 0;
    action->code = code ? atol(code) : 0;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    const char *is = action->name;
    if (strcmp(is, "default") == 0) {
        signal(number, SIG_DFL);
    } else if (strcmp(is, "ignore") == 0) {
        signal(number, SIG_IGN);
    } else if (strcmp(is, "block") == 0) {
        sigprocmask(SIG_BLOCK, &set, NULL);
    } else if (!strcmp(is, "sigwait") || !strcmp(is, "sigtimedwait") || !strcmp(is, "signalfd")) {
        sigprocmask(SIG_BLOCK, &set, NULL);
        consumed = set;
        consumer = is;
    } else {
        struct sigaction handler = { .sa_handler = act };
        sigaction(number, &handler, NULL);
    }
}

/* Waits for the signal in the way that was asked for, and does what its numbers say: a code below
 * zero means to stay. */
static void consume(void)
{
    int number = 0;
    if (strcmp(consumer, "sigwait") == 0) {
        sigwait(&consumed, &number);
    } else if (strcmp(consumer, "sigtimedwait") == 0) {
        const struct timespec slice = { 0, 50000000 };
        do
            number = sigtimedwait(&consumed, NULL, &slice);
        while (number < 0);
    } else {
        struct signalfd_siginfo info;
        const int fd = signalfd(-1, &consumed, SFD_CLOEXEC);
        if (read(fd, &info, sizeof info) != sizeof info)
            die("signalfd");
        number = info.ssi_signo;
    }
    nap(actions[number].ms);
    if (actions[number].code >= 0)
        _exit(actions[number].code);
}

static void *idle(void *nothing)
{
    while (pause() == -1) {
    }
    return nothing;
}

/* Goes on after the main thread has ended, and says READY when it has. */
static void *survivor(void *nothing)
{
    char path[64], stat[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    do {
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        const ssize_t length = read(fd, stat, sizeof stat - 1);
        stat[length > 0 ? length : 0] = 0;
        close(fd);
    } while (!strstr(stat, ") Z "));
    printf("READY %d%s\n", getpid(), announced);
    fflush(stdout);
    return idle(nothing);
}

static void live(char **words);

/* Starts a child that lives `words`, and waits until it is ready (or dead, if it quits). */
static void child(char **words)
{
    int ends[2];
    char line[512] = "";
    size_t length = 0;
    if (pipe2(ends, O_CLOEXEC))
        die("pipe2");
    const pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        memcpy(peers, children, sizeof peers);
        peer_count = child_count;
        child_count = 0;
        announced[0] = 0;
        memset(actions, 0, sizeof actions);
        consumer = NULL;
        threads = leader_exits = reaps = 0;
        /* The parent's ways are not the child's. */
        static const int all[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD };
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            signal(all[i], SIG_DFL);
        dup2(ends[1], 1);
        live(words);
    }
    close(ends[1]);
    while (length < sizeof line - 1 && read(ends[0], line + length, 1) == 1 && line[length] != '\n')
        length++;
    line[length] = 0;
    close(ends[0]);
    children[child_count++] = pid;
    const char *pids = strncmp(line, "READY ", 6) == 0 ? line + 5 : NULL;
    char own[32];
    if (!pids) { /* It quit: dead by now, and not reaped unless SIGCHLD is ignored. */
        siginfo_t info;
        waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
        snprintf(own, sizeof own, " %d", pid);
        pids = own;
    }
    strncat(announced, pids, sizeof announced - strlen(announced) - 1);
}

static void live(char **words)
{
    if (*words && strncmp(*words, "join=", 5) == 0)
        join(words);
    char usr1[] = "USR1:exit";
    take(usr1);
    char **next = words;
    for (; *next && strcmp(*next, "+") && strcmp(*next, "&"); next++) {
        char *copy = strdup(*next);
        take(copy);
    }
    if (quits >= 0)
        _exit(quits);
    while (*next) {
        const int nested = strcmp(*next, "+") == 0;
        char *rest[64];
        int count = 0;
        next++;
        while (*next && (nested || strcmp(*next, "&")))
            rest[count++] = *next++;
        rest[count] = NULL;
        child(rest);
    }
    for (int i = 0; i < threads; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, idle, NULL);
    }
    if (leader_exits) {
        pthread_t thread;
        pthread_create(&thread, NULL, survivor, NULL);
        pthread_exit(NULL);
    }
    printf("READY %d%s\n", getpid(), announced);
    fflush(stdout);
    if (consumer)
        consume();
    for (;;) {
        if (reaps)
            while (waitpid(-1, NULL, WNOHANG) > 0) {
            }
        if (reaps)
            nap(5);
        else
            pause();
        /* Still here: PID 1 of a namespace, for which the kernel drops it. */
        if (exit_after_reraise >= 0 && actions[SIGTERM].name
            && strcmp(actions[SIGTERM].name, "reraised") == 0 && exit_after_reraise != 255) {
            nap(50);
            _exit(exit_after_reraise);
        }
    }
}

int main(int count, char **words)
{
    (void)count;
    live(words + 1);
}
