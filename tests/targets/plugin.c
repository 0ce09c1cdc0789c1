/* cc: -g -O0 -shared -fPIC */
/* A library that comes late. */
int plugin_entry(int round)
{
    return round < 0 ? 0 : 1;
}
