/* cc: -g -O0 */
/* Every kind of C value and type, for expressions and for walks through a program by lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <complex.h>
#include <stdbool.h>
enum color { RED, GREEN=5, BLUE };
enum flags { F_A=1, F_B=2, F_C=8 };
typedef struct point { int x, y; } point_t;
union u { int i; float f; char c[4]; };
struct bits { unsigned a:3; int b:5; unsigned long c:40; enum color d:4; _Bool e:1; };
struct node { struct node *next; const char *name; point_t at; union u u; enum color col; };
struct anon { int k; union { int a; float b; }; struct { char p; short q; }; };
typedef int (*fn_t)(int, const char*);
int cb(int a, const char *s){ return a + (int)strlen(s); }
static int counter = 42;
const char *names[] = {"one","two",NULL,"four"};
int matrix[3][4] = {{1,2,3,4},{5,6,7,8},{9,10,11,12}};
double dd[5]={1.5,2.25,-0.0,1e100,1.0/3};
float ff=3.14159f; long double ld=2.718281828459045L;
char buf[300]; unsigned char ub[8]={0,1,2,200,255}; wchar_t wide[]=L"wide\u00e9"; 
int8_t i8=-5; uint8_t u8=250; int16_t i16=-3; uint64_t u64=~0ull; __int128 big=((__int128)1<<100);
volatile int vol=3; const volatile unsigned long *cvp=(const volatile unsigned long*)&u64;
struct node list3={0,"third",{5,6},{.f=1.0f},BLUE}, list2={&list3,"second",{3,4},{7},GREEN}, list1={&list2,"first",{1,2},{0x41424344},RED};
enum flags fl=F_A|F_C, fl2=(enum flags)16, fl0=0; enum color bad=(enum color)77;
fn_t table[2]={cb,0}; void *vp=&list1; void (*vf)(void);
bool yes=true; _Complex double cd=1.0+2.0*I;
struct anon an={1,{2},{'x',3}}; struct bits bi={5,-3,123456789012ul,BLUE,1};
struct {int n; char data[];} *flex;
int vla(int n){ int a[n]; char s[n+1]; for(int i=0;i<n;i++){a[i]=i*i; s[i]='a'+i;} s[n]=0; 
  return a[n-1]+s[0]; }
point_t mk(int x){ point_t p={x,x+1}; return p; }
double avg(double a, float b){ double r=(a+b)/2; return r; }
struct node byval(struct node n){ n.at.x=99; return n; }
char *str(void){ return buf; }
int fact(int n){ if(n<=1) return 1; return n*fact(n-1); }
int main(int argc,char**argv){
  strcpy(buf,"hello \"world\"\n\t\001\377x"); memset(buf+20,'z',100);
  flex=malloc(20); flex->n=3;
  register int loc=argc; static int st=9; int arr[5]={1,1,1,1,1}; static int big_[250]; for(int i=0;i<250;i++) big_[i]=i/20;
  { int loc=77; point_t p=mk(loc); loc+=p.x; st+=loc; }
  int v=vla(6); double d=avg(1.5,2.5f); static struct node n; n=byval(list1);
  int f=fact(5);
  printf("%d %f %d %d %s\n",v,d,n.at.x,f,str()); 
  return counter+loc+arr[0]+big_[0]+vol==0;
}
