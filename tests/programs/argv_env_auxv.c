// What execve hands over: arguments, environment, the auxiliary vector, the stack's alignment, random bytes.
#include "check.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/utsname.h>

extern char **environ;

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) say("argv[%d] = '%s'", i, argv[i]);
    CHECK(argc >= 1 && argv[argc] == 0);
    CHECK(argc == 1 || argv[1] == argv[0] + strlen(argv[0]) + 1); // the strings lie one after another
    int found = 0;
    for (char **e = environ; *e; e++) found += !strncmp(*e, "PATH=", 5);
    CHECK(found == 1);
    say("GREETING %s", getenv("GREETING") ? getenv("GREETING") : "(none)");
    Elf64_auxv_t *aux = (Elf64_auxv_t *)(environ);
    char **end = environ;
    while (*end) end++;
    aux = (Elf64_auxv_t *)(end + 1);
    int entries = 0, has_null = 0;
    for (; entries < 64; entries++)
        if (aux[entries].a_type == AT_NULL) {
            has_null = 1;
            break;
        }
    CHECK(has_null && entries > 8);
    CHECK(getauxval(AT_PAGESZ) == 4096 && sysconf(_SC_PAGESIZE) == 4096);
    CHECK(getauxval(AT_CLKTCK) == 100);
    CHECK(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid() && getauxval(AT_GID) == getgid());
    CHECK(getauxval(AT_SECURE) == 0);
    const Elf64_Phdr *headers = (const void *)getauxval(AT_PHDR);
    int loads = 0;
    for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++) loads += headers[i].p_type == PT_LOAD;
    CHECK(getauxval(AT_PHENT) == sizeof(Elf64_Phdr) && loads >= 1);
    CHECK(getauxval(AT_ENTRY) != 0 && getauxval(AT_BASE) == 0);
    const unsigned char *random = (const void *)getauxval(AT_RANDOM);
    int different = 0;
    for (int i = 1; i < 16; i++) different |= random[i] != random[0];
    CHECK(random && different);
    const char *name = (const char *)getauxval(AT_EXECFN);
    CHECK(name && strlen(name) >= 13 && !strcmp(name + strlen(name) - 13, "argv_env_auxv"));
    struct utsname uts;
    const char *platform = (const char *)getauxval(AT_PLATFORM);
    // Some ports have none.
    CHECK(uname(&uts) == 0 && !strcmp(uts.sysname, "Linux") && (!platform || !strcmp(platform, uts.machine)));
    char local __attribute__((aligned(16)));
    CHECK((uintptr_t)&local % 16 == 0 && (char *)environ > &local);
    char cmdline[4096];
    int fd = open("/proc/self/cmdline", O_RDONLY);
    ssize_t n = read(fd, cmdline, sizeof cmdline);
    CHECK(n > 0 && !strcmp(cmdline, argv[0]) && cmdline[n - 1] == 0);
    return 0;
}
