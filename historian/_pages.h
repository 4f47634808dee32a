/* Memory from the system, page by page: zero when first touched, and resident only from then on.
 *
 * A recorder's counters span 96 kB, of which a typical distribution touches three or four pages of 4 kB. malloc would hand
 * out recycled memory, which calloc must clear, and so touch, as a whole.
 */
#ifndef HISTORIAN_PAGES_H
#define HISTORIAN_PAGES_H

#include <stddef.h>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
/* Return `size` zero bytes, or NULL. */
static void *historian_new_pages(size_t size) {
    return VirtualAlloc(NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
}
static void historian_free_pages(void *pages, size_t size) {
    (void)size;
    if (pages) VirtualFree(pages, 0, MEM_RELEASE);
}
#else
#include <sys/mman.h>
/* Return `size` zero bytes, or NULL. After a fork, parent and child each have their own. */
static void *historian_new_pages(size_t size) {
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return NULL;
#ifdef MADV_NOHUGEPAGE
    (void)madvise(pages, size, MADV_NOHUGEPAGE); /* a huge page would make 2 MB resident at the first touch */
#endif
    return pages;
}
static void historian_free_pages(void *pages, size_t size) {
    if (pages) (void)munmap(pages, size);
}
#endif

#endif
