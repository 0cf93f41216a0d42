/* Stands between a program and its clock: what it is told is the machine's time and an offset, which lies in the file that
 * CHAOS_CLOCK names, 8 bytes, nanoseconds. The monotonic clock stays as it is. It asks the kernel directly and allocates nothing, for
 * an allocator may ask for the time before anything is set up. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const long long *offset;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CHAOS_CLOCK");
  int fd = path ? open(path, O_RDONLY) : -1;
  if (fd < 0) return;
  void *page = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) offset = page;
  close(fd);
}

int clock_gettime(clockid_t id, struct timespec *t) {
  long r = syscall(SYS_clock_gettime, id, t);
  if (r == 0 && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
    long long now = (long long)t->tv_sec * 1000000000 + t->tv_nsec + *offset;
    t->tv_sec = now / 1000000000;
    t->tv_nsec = now % 1000000000;
  }
  return r;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int r = clock_gettime(CLOCK_REALTIME, &now);
  if (r == 0 && t) {
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
  }
  return r;
}

time_t time(time_t *t) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}
