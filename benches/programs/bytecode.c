// An interpreter of bytecode: one switch, indirect jumps.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PUSH, ADD, SUB, MUL, DUP, SWAP, LOAD, STORE, JUMP_IF, LESS, XOR, HALT };
int main(void) {
    static const int program[] = {
        PUSH, 0, STORE, 0, PUSH, 1, STORE, 1,                           // i = 0, x = 1
        LOAD, 1, PUSH, 31, MUL, LOAD, 0, ADD, DUP, STORE, 1,            // x = x * 31 + i
        LOAD, 2, XOR, STORE, 2,                                         // y ^= x
        LOAD, 0, PUSH, 1, ADD, STORE, 0,                                // i++
        LOAD, 0, PUSH, 2400000, LESS, JUMP_IF, 8, HALT,
    };
    uint32_t stack[16], variables[4] = {0}, *top = stack;
    long steps = 0;
    for (const int *pc = program;; steps++)
        switch (*pc++) {
        case PUSH: *top++ = *pc++; break;
        case ADD: top--, top[-1] += top[0]; break;
        case SUB: top--, top[-1] -= top[0]; break;
        case MUL: top--, top[-1] *= top[0]; break;
        case XOR: top--, top[-1] ^= top[0]; break;
        case LESS: top--, top[-1] = top[-1] < top[0]; break;
        case DUP: *top = top[-1], top++; break;
        case SWAP: { uint32_t t = top[-1]; top[-1] = top[-2], top[-2] = t; break; }
        case LOAD: *top++ = variables[*pc++]; break;
        case STORE: variables[*pc++] = *--top; break;
        case JUMP_IF: { int target = *pc++; if (*--top) pc = program + target; break; }
        case HALT: printf("bytecode %08x after %ld\n", variables[2], steps); return 0;
        }
}
