/* For orientation: the records of a classic pcap file in memory, and nothing done with them. What a
 * reader without libpcap would start from. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct stat st;
    int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < 24) {
        fprintf(stderr, "usage: mmap_loop FILE\n");
        return 1;
    }
    uint64_t size = (uint64_t)st.st_size;
    const uint8_t *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file == MAP_FAILED) {
        perror("mmap_loop");
        return 1;
    }
    madvise((void *)(uintptr_t)file, size, MADV_SEQUENTIAL);
    unsigned long long packets = 0, bytes = 0;
    uint32_t record[4];
    for (uint64_t at = 24; size - at >= sizeof(record); at += sizeof(record) + record[2]) {
        memcpy(record, file + at, sizeof(record));
        if (record[2] > size - at - sizeof(record))
            break;
        packets++;
        bytes += record[2];
    }
    munmap((void *)(uintptr_t)file, size);
    close(fd);
    printf("%llu packets, %llu bytes\n", packets, bytes);
    return 0;
}
