# RISC-V floating-point instructions as an oracle; aarch64.S for another ISA, with fcsr for the control
# word and its flags alone for the status. Registers: fa0, fa1, fa2
# and a0. The test boxes operands narrower than 64 bits.

        .option norvc
        .option norelax

        # One operation takes two instructions of 4 bytes.
        .macro  op text:vararg
        \text
        j       done
        .endm

        # What each format has; f is its suffix.
        .macro  format f
        op      fadd.\f   fa0, fa0, fa1
        op      fsub.\f   fa0, fa0, fa1
        op      fmul.\f   fa0, fa0, fa1
        op      fdiv.\f   fa0, fa0, fa1
        op      fsqrt.\f  fa0, fa0
        op      fmin.\f   fa0, fa0, fa1
        op      fmax.\f   fa0, fa0, fa1
        op      fmadd.\f  fa0, fa0, fa1, fa2
        op      feq.\f    a0, fa0, fa1
        op      flt.\f    a0, fa0, fa1
        op      fle.\f    a0, fa0, fa1
        op      fcvt.l.\f  a0, fa0
        op      fcvt.lu.\f a0, fa0
        op      fcvt.w.\f  a0, fa0
        op      fcvt.wu.\f a0, fa0
        op      fcvt.\f\().l  fa0, a0
        op      fcvt.\f\().lu fa0, a0
        op      fcvt.\f\().w  fa0, a0
        op      fcvt.\f\().wu fa0, a0
        .endm

        .text
        .globl  _start
_start: la      s0, table
        la      s1, requests            # the next request
        mv      s2, s1                  # the end of what was read
read:   li      a0, 0
        mv      a1, s2
        li      a2, 0x100000
        li      a7, 63
        ecall
        add     s2, s2, a0
        bnez    a0, read
        la      s3, replies
        mv      s4, s3

next:   bgeu    s1, s2, write
        lw      t0, 0(s1)
        lw      t1, 4(s1)
        ld      a0, 8(s1)
        fld     fa0, 8(s1)
        fld     fa1, 24(s1)
        fld     fa2, 40(s1)
        fscsr   t1
        slli    t0, t0, 3
        add     t0, t0, s0
        jr      t0
done:   frflags t1
        fsd     fa0, 0(s4)
        sd      zero, 8(s4)
        sd      a0, 16(s4)
        sd      zero, 24(s4)
        sw      t1, 32(s4)
        sw      zero, 36(s4)
        addi    s1, s1, 56
        addi    s4, s4, 40
        j       next

write:  li      a0, 1
        mv      a1, s3
        sub     a2, s4, s3
        li      a7, 64
        ecall
        blez    a0, exit
        add     s3, s3, a0
        bltu    s3, s4, write
        li      a0, 0
exit:   li      a7, 93
        ecall

        .balign 4
table:  format  s
        format  d
        format  h
        op      fcvt.d.s fa0, fa0
        op      fcvt.h.s fa0, fa0
        op      fcvt.s.d fa0, fa0
        op      fcvt.h.d fa0, fa0
        op      fcvt.s.h fa0, fa0
        op      fcvt.d.h fa0, fa0

        .bss
        .balign 16
requests: .skip 0x800000
replies:  .skip 0x800000
