/* Start of a program on a bare Cortex-M, for QEMU's boards "mps2": vectors, the FPU, then newlib's own start. */
extern int _start(void);
void reset(void);

__attribute__((section(".vectors"), used)) static void (*const vectors[2])(void) = {(void (*)(void))STACK, reset};

void reset(void) {
#ifdef __ARM_FP
    *(volatile unsigned *)0xE000ED88u |= 0xFu << 20;      /* CPACR: lets programs use the FPU */
    __asm__ volatile("dsb\n isb");
#endif
    _start();
}
