/* What the C programs of the scenarios share. They do one known thing with each signal, and tell
 * their pids as they see them: `READY PID [CHILD PID...]`. */
#ifndef ST_H
#define ST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Sleeps that long, whatever signals come meanwhile. */
static inline void nap(long ms)
{
    struct timespec left = { ms / 1000, ms % 1000 * 1000000L };
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
}

static inline void die(const char *what)
{
    perror(what);
    exit(125);
}

static inline int number_of(const char *name)
{
    static const struct { const char *name; int number; } known[] = {
        { "TERM", SIGTERM }, { "INT", SIGINT },   { "QUIT", SIGQUIT }, { "HUP", SIGHUP },
        { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "WINCH", SIGWINCH }, { "KILL", SIGKILL },
        { "CHLD", SIGCHLD },
    };
    if (strcmp(name, "RTMIN+3") == 0)
        return SIGRTMIN + 3;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].number;
    fprintf(stderr, "no signal %s\n", name);
    exit(125);
}

#endif
