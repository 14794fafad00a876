/* busy forks|execs|vforks: processes that are hard to freeze. They go on for ever.
 *   forks   a family that keeps having children
 *   execs   threads, one of which, not the first, becomes a new program while the others sleep, long or often
 *   vforks  parents that wait for children that take their time to exec */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Children a member of the family has at a time. */
enum { FAMILY = 8 };

extern char **environ;

static void *sleeps(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static char **arguments;

static void pass_time(void)
{
	struct timespec time = { 0, 300000 };
	nanosleep(&time, NULL);
}

static void *naps(void *arg)
{
	for (;;)
		pass_time();
	return arg;
}

static void *execs(void *arg)
{
	pass_time();
	execve("/proc/self/exe", arguments, environ);
	_exit(127);
	return arg;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	arguments = argv;
	if (!strcmp(argv[1], "true"))
		return 0;
	if (!strcmp(argv[1], "forks"))
		for (int live = 0;;) {
			pid_t child = fork();
			if (child == 0) {
				pass_time();
				_exit(0);
			}
			live += child > 0;
			while (live > 0 && waitpid(-1, NULL, live < FAMILY ? WNOHANG : 0) > 0)
				live--;
		}
	if (!strcmp(argv[1], "execs")) {
		pthread_t thread;
		pthread_attr_t small;
		pthread_attr_init(&small);
		pthread_attr_setstacksize(&small, 65536);
		pthread_create(&thread, &small, naps, NULL);
		pthread_create(&thread, &small, execs, NULL);
		sleeps(NULL);
	}
	if (!strcmp(argv[1], "vforks"))
		for (;;) {
			pid_t child = vfork();
			if (child == 0) {
				char *args[] = { argv[0], "true", NULL };
				pass_time();
				execve("/proc/self/exe", args, environ);
				_exit(127);
			}
			waitpid(child, NULL, 0);
		}
	return 2;
}
