// AArch64 floating-point instructions as an oracle: reads requests on stdin, runs one instruction
// each, writes the result and the flags it raised. Assembled, linked and run under qemu by arm.rs,
// whose tables have the same order. A request is {op, fpcr: u32, operands: 3 * 16 bytes}, a reply
// {q0, x0: 16 bytes, fpsr, nzcv: u32}.

        // One operation takes two instructions of 4 bytes.
        .macro  op text:vararg
        \text
        b       done
        .endm

        // What each format has; r is the letter of its registers.
        .macro  format r
        op      fadd    \r\()0, \r\()0, \r\()1
        op      fsub    \r\()0, \r\()0, \r\()1
        op      fmul    \r\()0, \r\()0, \r\()1
        op      fdiv    \r\()0, \r\()0, \r\()1
        op      fsqrt   \r\()0, \r\()0
        op      fmin    \r\()0, \r\()0, \r\()1
        op      fmax    \r\()0, \r\()0, \r\()1
        op      fminnm  \r\()0, \r\()0, \r\()1
        op      fmaxnm  \r\()0, \r\()0, \r\()1
        op      fmadd   \r\()0, \r\()0, \r\()1, \r\()2
        op      fmsub   \r\()0, \r\()0, \r\()1, \r\()2
        op      fmulx   \r\()0, \r\()0, \r\()1
        op      frecps  \r\()0, \r\()0, \r\()1
        op      frsqrts \r\()0, \r\()0, \r\()1
        op      frecpe  \r\()0, \r\()0
        op      frsqrte \r\()0, \r\()0
        op      frecpx  \r\()0, \r\()0
        op      fcmp    \r\()0, \r\()1
        op      fcmpe   \r\()0, \r\()1
        op      fcvtzs  w0, \r\()0
        op      fcvtzs  x0, \r\()0
        op      fcvtzu  w0, \r\()0
        op      fcvtzu  x0, \r\()0
        op      fcvtns  x0, \r\()0
        op      fcvtas  w0, \r\()0
        op      fcvtmu  w0, \r\()0
        op      fcvtps  x0, \r\()0
        op      fcvtzs  w0, \r\()0, #9
        op      fcvtzu  x0, \r\()0, #40
        op      scvtf   \r\()0, w0
        op      scvtf   \r\()0, x0
        op      ucvtf   \r\()0, w0
        op      ucvtf   \r\()0, x0
        op      scvtf   \r\()0, x0, #30
        op      ucvtf   \r\()0, w0, #5
        op      frintn  \r\()0, \r\()0
        op      frintp  \r\()0, \r\()0
        op      frintm  \r\()0, \r\()0
        op      frintz  \r\()0, \r\()0
        op      frinta  \r\()0, \r\()0
        op      frintx  \r\()0, \r\()0
        op      frinti  \r\()0, \r\()0
        .endm

        .text
        .globl  _start
_start: adr     x20, table
        ldr     x21, =requests          // the next request
        mov     x22, x21                // the end of what was read
read:   mov     x0, #0
        mov     x1, x22
        mov     x2, #0x100000
        mov     x8, #63
        svc     #0
        add     x22, x22, x0
        cbnz    x0, read
        ldr     x23, =replies
        mov     x24, x23

next:   cmp     x21, x22
        b.hs    write
        ldp     w9, w10, [x21]
        ldr     x0, [x21, #8]
        ldur    q0, [x21, #8]
        ldur    q1, [x21, #24]
        ldur    q2, [x21, #40]
        msr     fpcr, x10
        msr     fpsr, xzr
        msr     nzcv, xzr
        add     x9, x20, x9, lsl #3
        br      x9
done:   mrs     x11, fpsr
        mrs     x12, nzcv
        str     q0, [x24]
        stp     x0, xzr, [x24, #16]
        stp     w11, w12, [x24, #32]
        add     x21, x21, #56
        add     x24, x24, #40
        b       next

write:  mov     x0, #1
        mov     x1, x23
        sub     x2, x24, x23
        mov     x8, #64
        svc     #0
        cmp     x0, #0
        b.le    exit
        add     x23, x23, x0
        cmp     x23, x24
        b.lo    write
        mov     x0, #0
exit:   mov     x8, #93
        svc     #0

table:  format  s
        format  d
        format  h
        op      fcvt    d0, s0
        op      fcvt    h0, s0
        op      fcvt    s0, d0
        op      fcvt    h0, d0
        op      fcvt    s0, h0
        op      fcvt    d0, h0
        op      fcvtxn  s0, d0
        op      bfcvt   h0, s0

        .bss
        .balign 16
requests: .skip 0x800000
replies:  .skip 0x800000
