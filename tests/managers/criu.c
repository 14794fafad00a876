/* criu GROUP: stops every task of GROUP for a dump as a checkpoint tool does, and lets them go.
 * The freezer only keeps the tree from changing while it is walked: each task is seized and asked to stop, then the group
 * is thawed and each task's stop is waited for. A v1 freeze that does not come about is thawed and tried again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ATTEMPTS = 100, AGAIN_EVERY = 8, MOST = 256 };

static const char *group;
static int v2;

static int file(const char *name, int flags)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", group, name);
	return open(path, flags);
}

static int put(const char *name, const char *word)
{
	int fd = file(name, O_WRONLY), failed = fd < 0 || write(fd, word, strlen(word)) < 0;
	close(fd);
	return failed;
}

static int freeze(int on)
{
	if (v2)
		return put("cgroup.freeze", on ? "1" : "0");
	return on ? put("freezer.state", "FROZEN") : put("freezer.state", "THAWED") && put("freezer.state", "RUNNING");
}

static int is_frozen(void)
{
	char text[256];
	int fd = file(v2 ? "cgroup.events" : "freezer.state", O_RDONLY);
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	text[length < 0 ? 0 : length] = 0;
	return v2 ? strstr(text, "frozen 1") != NULL : !strcmp(text, "FROZEN\n");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	group = argv[1];
	v2 = file("cgroup.freeze", O_RDONLY) >= 0;
	freeze(1);
	struct timespec step = { 0, 10000000 };
	nanosleep(&step, NULL);
	for (int attempt = 1; !is_frozen(); attempt++) {
		if (attempt > ATTEMPTS) {
			freeze(0);
			printf("unable to freeze\n");
			return 1;
		}
		nanosleep(&step, NULL);
		if (!v2 && attempt % AGAIN_EVERY == 0) {
			freeze(0);
			nanosleep(&step, NULL);
			freeze(1);
			nanosleep(&step, NULL);
		}
	}
	int fd = file(v2 ? "cgroup.threads" : "tasks", O_RDONLY), count = 0;
	pid_t tasks[MOST];
	FILE *list = fdopen(fd, "r");
	while (count < MOST && fscanf(list, "%d", &tasks[count]) == 1)
		count++;
	fclose(list);
	for (int i = 0; i < count; i++)
		if (ptrace(PTRACE_SEIZE, tasks[i], 0, 0) || ptrace(PTRACE_INTERRUPT, tasks[i], 0, 0)) {
			printf("cannot seize: %s\n", strerror(errno));
			return 1;
		}
	freeze(0);
	for (int i = 0; i < count; i++) {
		int status;
		siginfo_t info;
		if (waitpid(tasks[i], &status, __WALL) != tasks[i] || !WIFSTOPPED(status) ||
		    ptrace(PTRACE_GETSIGINFO, tasks[i], 0, &info)) {
			printf("no stop: %x\n", status);
			return 1;
		}
	}
	for (int i = 0; i < count; i++)
		ptrace(PTRACE_DETACH, tasks[i], 0, 0);
	printf("dumped %s\n", count ? "all" : "nothing");
	fprintf(stderr, "tasks %d\n", count);
	return 0;
}
