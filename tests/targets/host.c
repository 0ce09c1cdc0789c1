/* cc: -g -O0 */
/* Loads a library three times over and calls into it: host LIBRARY. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    int calls = 0;

    for (int i = 0; argc > 1 && i < 3; i++) {
        void *library = dlopen(argv[1], RTLD_NOW);
        int (*entry)(int) = library ? (int (*)(int)) dlsym(library, "plugin_entry") : NULL;

        if (entry == NULL) {
            printf("%s\n", dlerror());
            return 1;
        }
        calls += entry(i);
        dlclose(library);
    }
    printf("plugin_entry called %d times\n", calls);
    return 0;
}
