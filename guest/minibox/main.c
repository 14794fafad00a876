/* main.c: find the applet by the name the program was called with. */
#include "minibox.h"

static const struct applet {
    const char *name;
    int (*main)(int argc, char **argv);
} applets[] = {
#define APPLET(name) {#name, name##_main},
#include "applets.h"
#undef APPLET
    {"[", test_main},
};

static const struct applet *find_applet(const char *name) {
    for (size_t i = 0; i < COUNT(applets); i++)
        if (streq(applets[i].name, name))
            return &applets[i];
    return NULL;
}

static int list_applets(void) {
    for (size_t i = 0; i < COUNT(applets); i++)
        puts(applets[i].name);
    return 0;
}

int main(int argc, char **argv) {
    const char *name = argc ? base_of(argv[0]) : "minibox";
    if (*name == '-') /* a login shell */
        name++;
    if (streq(name, "minibox")) {
        if (argc < 2 || streq(argv[1], "--list"))
            return list_applets();
        argc--, argv++;
        name = base_of(argv[0]);
    }
    const struct applet *applet = find_applet(name);
    if (!applet) {
        fprintf(stderr, "minibox: %s: applet not found\n", name);
        return 127;
    }
    applet_name = name;
    /* Without this, musl writes "FROZEN" and its newline as two parts of one writev, and a control file of /sys or of a
     * cgroup takes each part for a write of its own. The shell flushes after each builtin. */
    static char buffer[4096];
    setvbuf(stdout, buffer, applet->main != sh_main && isatty(1) ? _IOLBF : _IOFBF, sizeof buffer);
    int status = applet->main(argc, argv);
    if (fflush(stdout) || ferror(stdout)) {
        int stdout_status = fail("write error");
        status = status ? status : stdout_status;
    }
    return status;
}
