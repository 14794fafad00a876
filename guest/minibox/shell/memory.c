/* memory.c: pools. A parsed line lives in one; expansions live in `temporary` until their command ends. */
#include "shell.h"

struct block {
    struct block *previous;
    size_t used, size;
    char data[] __attribute__((aligned(16)));
};

struct pool *temporary;

struct pool *pool_new(void) {
    struct pool *pool = xmalloc(sizeof *pool);
    pool->blocks = NULL;
    pool->references = 1;
    return pool;
}

void *pool_alloc(struct pool *pool, size_t size) {
    struct block *block = pool->blocks;
    size = (size + 15) & ~(size_t)15;
    if (!block || block->size - block->used < size) {
        size_t room = size > 2000 ? size : 2000;
        block = xmalloc(sizeof *block + room);
        block->previous = pool->blocks;
        block->used = 0;
        block->size = room;
        pool->blocks = block;
    }
    void *memory = block->data + block->used;
    block->used += size;
    return memset(memory, 0, size);
}

struct mark pool_mark(struct pool *pool) {
    return (struct mark){pool->blocks, pool->blocks ? pool->blocks->used : 0};
}

void pool_release(struct pool *pool, struct mark mark) {
    while (pool->blocks != mark.block) {
        struct block *block = pool->blocks;
        pool->blocks = block->previous;
        free(block);
    }
    if (pool->blocks)
        pool->blocks->used = mark.used;
}

void pool_drop(struct pool *pool) {
    if (--pool->references)
        return;
    pool_release(pool, (struct mark){NULL, 0});
    free(pool);
}

char *temp_copy(const char *s, size_t length) {
    char *copy = pool_alloc(temporary, length + 1);
    memcpy(copy, s, length);
    copy[length] = 0;
    return copy;
}

void text_add(struct text *text, const char *s, size_t length) {
    if (text->length + length + 1 > text->room) {
        text->room = (text->length + length) * 2 + 64;
        text->s = xrealloc(text->s, text->room);
    }
    if (length)
        memcpy(text->s + text->length, s, length);
    text->length += length;
    text->s[text->length] = 0;
}

void text_char(struct text *text, char c) {
    text_add(text, &c, 1);
}
