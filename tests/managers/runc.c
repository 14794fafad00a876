/* runc GROUP: freezes GROUP as a container runtime does, says how many tries it took, and thaws it again.
 * v1: write FROZEN and read the state, again and again; every fiftieth try thaw for a moment first, since a freeze that
 * met an execve or a fork at the wrong time never ends by itself. v2: write 1, then look at cgroup.events. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 1000, THAW_EVERY = 50, REST_EVERY = 25 };

static const char *group;

static void rest(long milliseconds)
{
	struct timespec time = { 0, milliseconds * 1000000 };
	nanosleep(&time, NULL);
}

static int file(const char *name, int flags)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", group, name);
	return open(path, flags);
}

static int put(const char *name, const char *word)
{
	int fd = file(name, O_WRONLY), result = fd < 0 || write(fd, word, strlen(word)) < 0 ? -errno : 0;
	close(fd);
	return result;
}

static char *get(const char *name)
{
	static char text[256];
	int fd = file(name, O_RDONLY);
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	text[length < 0 ? 0 : length] = 0;
	return text;
}

/* The word that thaws: THAWED, or RUNNING to the kernel of the first commit. */
static int thaw(void)
{
	return put("freezer.state", "THAWED") && put("freezer.state", "RUNNING");
}

static int freeze_v1(void)
{
	for (int try = 0; try < TRIES; try++) {
		if (try % THAW_EVERY == THAW_EVERY - 1) {
			thaw();
			rest(10);
		}
		int result = put("freezer.state", "FROZEN");
		if (result && result != -EBUSY)
			return result;
		if (try % REST_EVERY == REST_EVERY - 1)
			rest(1);
		if (!strcmp(get("freezer.state"), "FROZEN\n"))
			return try + 1;
	}
	thaw();
	return 0;
}

static int freeze_v2(void)
{
	int result = put("cgroup.freeze", "1");
	if (result)
		return result;
	for (int try = 0; try < TRIES; try++) {
		if (strstr(get("cgroup.events"), "frozen 1"))
			return try + 1;
		rest(10);
	}
	put("cgroup.freeze", "0");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	group = argv[1];
	int v2 = access(strcat(strcpy((char[512]){ 0 }, group), "/cgroup.freeze"), F_OK) == 0;
	int tries = v2 ? freeze_v2() : freeze_v1();
	if (tries <= 0) {
		printf("cannot freeze: %s\n", tries ? strerror(-tries) : "it stays FREEZING");
		return 1;
	}
	/* Frozen means that nothing changes: the members now are the members a while later. */
	char before[256];
	strcpy(before, get("cgroup.procs"));
	rest(20);
	printf("frozen%s\n", strcmp(before, get("cgroup.procs")) ? ", but its members change" : "");
	fprintf(stderr, "tries %d\n", tries);
	return v2 ? put("cgroup.freeze", "0") : thaw();
}
