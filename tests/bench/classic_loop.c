/* For orientation: the records of a classic pcap file without libpcap, and nothing done with them.
 *
 *     classic_loop mmap|read FILE
 *
 * mmap maps the whole file, read reads it in large blocks. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_HEADER 24u
#define BLOCK       (256u << 10) /* also the most that a record takes */

struct counts {
    unsigned long long packets, bytes;
};

/* Counts the whole records in |p|. Returns how many bytes they take. */
static uint64_t count(const uint8_t *p, uint64_t n, struct counts *c)
{
    uint64_t at = 0;
    uint32_t record[4];
    while (n - at >= sizeof(record)) {
        memcpy(record, p + at, sizeof(record));
        if (record[2] > n - at - sizeof(record))
            break;
        c->packets++;
        c->bytes += record[2];
        at += sizeof(record) + record[2];
    }
    return at;
}

static bool mapped(int fd, struct counts *c)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)FILE_HEADER)
        return false;
    uint64_t size = (uint64_t)st.st_size;
    uint8_t *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file == MAP_FAILED)
        return false;
    madvise(file, size, MADV_SEQUENTIAL);
    count(file + FILE_HEADER, size - FILE_HEADER, c);
    munmap(file, size);
    return true;
}

static bool in_blocks(int fd, struct counts *c)
{
    static uint8_t block[BLOCK];
    uint64_t have = 0;
    ssize_t n = read(fd, block, FILE_HEADER);
    while (n > 0 && (n = read(fd, block + have, BLOCK - have)) > 0) {
        have += (uint64_t)n;
        uint64_t done = count(block, have, c);
        have -= done;
        memmove(block, block + done, have);
    }
    return n == 0;
}

int main(int argc, char **argv)
{
    struct counts c = {0};
    int fd = argc == 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || !(strcmp(argv[1], "mmap") == 0 ? mapped(fd, &c) : in_blocks(fd, &c))) {
        fputs("usage: classic_loop mmap|read FILE\n", stderr);
        return 1;
    }
    close(fd);
    printf("%llu packets, %llu bytes\n", c.packets, c.bytes);
    return 0;
}
