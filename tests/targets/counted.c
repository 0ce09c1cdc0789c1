/* cc: -g -O0 */
/* Counted texts and arrays, as nginx and others have them: what the table of printers is for. */
#include <stddef.h>

typedef struct {
    size_t len;
    unsigned char *data;
} ngx_str_t;

struct list {
    int count;
    struct {
        int *first;
    } items;
};

struct box {
    struct list inner;
};

int numbers[] = {3, 1, 4, 1, 5};
ngx_str_t name = {5, (unsigned char *)"hello world"};
ngx_str_t empty = {0, NULL};
ngx_str_t wild = {4, (unsigned char *)16};
struct list list = {5, {numbers}};
struct box box = {{2, {numbers}}};

int main(void) {
    return name.data[0] + list.count + box.inner.count + (int)(empty.len + wild.len) == 0;
}
