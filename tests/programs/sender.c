/* Sends one signal; what the name of its executable is decides what it is taken for.
 *
 *   sender SIGNAL PID         from here
 *   sender SIGNAL PID FILE    from a process that has joined the PID namespace of the file
 *   sender SIGNAL PID -       first waits for half a second, so that its cgroup is known
 *   sender storm NUMBER       so many to itself, which it ignores
 *
 * Prints the pid of the process that sent it, as it is outside. */
#include "st.h"

int main(int count, char **words)
{
    if (count < 3)
        return 125;
    if (strcmp(words[1], "storm") == 0) {
        signal(SIGTERM, SIG_IGN);
        for (long left = atol(words[2]); left > 0; left--)
            kill(getpid(), SIGTERM);
        printf("READY %d\n", getpid());
        return 0;
    }
    const int signal = number_of(words[1]);
    const pid_t target = atoi(words[2]);
    if (count > 3 && strcmp(words[3], "-") == 0)
        nap(500);
    else if (count > 3) {
        const int namespace = open(words[3], O_RDONLY | O_CLOEXEC);
        if (namespace < 0 || setns(namespace, CLONE_NEWPID))
            die(words[3]);
        const pid_t pid = fork();
        if (pid == 0)
            _exit(kill(target, signal) ? 1 : 0);
        int status = 0;
        waitpid(pid, &status, 0);
        /* Whom it hit may have been all that PID 1 waited for, and then it dies with the namespace. */
        if (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
            return 1;
        printf("READY %d\n", pid);
        return 0;
    }
    if (kill(target, signal))
        die("kill");
    printf("READY %d\n", getpid());
    return 0;
}
