/* The few services of the operating system that the thread pool needs, alike on POSIX and Windows: atomics, threads, a
   lock with a condition, a clock, and a destructor for what a thread owns. Every atomic operation is sequentially
   consistent: they are far too rare here to be worth a weaker order. */
#ifndef MG_OS_H
#define MG_OS_H

#include "compat.h"

#if defined(_MSC_VER)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <intrin.h>

typedef volatile long long mg_atomic;
MG_INLINE long long mg_atomic_load(mg_atomic *p) { return _InterlockedOr64(p, 0); }
MG_INLINE void mg_atomic_store(mg_atomic *p, long long value) { _InterlockedExchange64(p, value); }
MG_INLINE long long mg_atomic_add(mg_atomic *p, long long value) { return _InterlockedExchangeAdd64(p, value) + value; }
MG_INLINE int mg_atomic_swap_if(mg_atomic *p, long long expected, long long value) {
    return _InterlockedCompareExchange64(p, value, expected) == expected;
}

#else

typedef long long mg_atomic;
MG_INLINE long long mg_atomic_load(mg_atomic *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
MG_INLINE void mg_atomic_store(mg_atomic *p, long long value) { __atomic_store_n(p, value, __ATOMIC_SEQ_CST); }
MG_INLINE long long mg_atomic_add(mg_atomic *p, long long value) { return __atomic_add_fetch(p, value, __ATOMIC_SEQ_CST); }
MG_INLINE int mg_atomic_swap_if(mg_atomic *p, long long expected, long long value) {
    return __atomic_compare_exchange_n(p, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

#endif

#if defined(_WIN32)

#if !defined(_MSC_VER)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#endif

typedef HANDLE mg_thread;
typedef SRWLOCK mg_lock;
typedef CONDITION_VARIABLE mg_condition;
#define MG_LOCK_INIT SRWLOCK_INIT
#define MG_CONDITION_INIT CONDITION_VARIABLE_INIT

MG_INLINE void mg_lock_take(mg_lock *lock) { AcquireSRWLockExclusive(lock); }
MG_INLINE void mg_lock_release(mg_lock *lock) { ReleaseSRWLockExclusive(lock); }
MG_INLINE void mg_condition_wait(mg_condition *c, mg_lock *lock) { SleepConditionVariableSRW(c, lock, INFINITE, 0); }
MG_INLINE void mg_condition_wake_all(mg_condition *c) { WakeAllConditionVariable(c); }
MG_INLINE void mg_yield(void) { SwitchToThread(); }
MG_INLINE void mg_thread_join(mg_thread thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}
MG_INLINE double mg_seconds(void) {
    LARGE_INTEGER ticks, frequency;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&frequency);
    return (double)ticks.QuadPart / (double)frequency.QuadPart;
}
MG_INLINE int mg_cpu_count(void) {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return (int)info.dwNumberOfProcessors;
}
/* A thread function is declared by MG_THREAD_MAIN(name) { ... } and ends with return 0. */
#define MG_THREAD_MAIN(name) static DWORD WINAPI name(LPVOID unused)
MG_INLINE int mg_thread_start(mg_thread *thread, LPTHREAD_START_ROUTINE start) {
    *thread = CreateThread(NULL, 1 << 20, start, NULL, 0, NULL);
    return *thread != NULL;
}
/* A function that runs with a pointer of its own at the end of each thread that set one. */
typedef DWORD mg_thread_key;
#define MG_THREAD_KEY_DESTRUCTOR(name) static void WINAPI name(void *argument)
MG_INLINE int mg_thread_key_make(mg_thread_key *key, PFLS_CALLBACK_FUNCTION destructor) {
    return (*key = FlsAlloc(destructor)) != FLS_OUT_OF_INDEXES;
}
MG_INLINE void mg_thread_key_set(mg_thread_key key, void *argument) { FlsSetValue(key, argument); }

#else

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

typedef pthread_t mg_thread;
typedef pthread_mutex_t mg_lock;
typedef pthread_cond_t mg_condition;
#define MG_LOCK_INIT PTHREAD_MUTEX_INITIALIZER
#define MG_CONDITION_INIT PTHREAD_COND_INITIALIZER

MG_INLINE void mg_lock_take(mg_lock *lock) { pthread_mutex_lock(lock); }
MG_INLINE void mg_lock_release(mg_lock *lock) { pthread_mutex_unlock(lock); }
MG_INLINE void mg_condition_wait(mg_condition *c, mg_lock *lock) { pthread_cond_wait(c, lock); }
MG_INLINE void mg_condition_wake_all(mg_condition *c) { pthread_cond_broadcast(c); }
MG_INLINE void mg_yield(void) { sched_yield(); }
MG_INLINE void mg_thread_join(mg_thread thread) { pthread_join(thread, NULL); }
MG_INLINE double mg_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
MG_INLINE int mg_cpu_count(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
#define MG_THREAD_MAIN(name) static void *name(void *unused)
/* Signals stay with the threads of the program, which expects them. */
MG_INLINE int mg_thread_start(mg_thread *thread, void *(*start)(void *)) {
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 20);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, &attributes, start, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return !failed;
}
typedef pthread_key_t mg_thread_key;
#define MG_THREAD_KEY_DESTRUCTOR(name) static void name(void *argument)
MG_INLINE int mg_thread_key_make(mg_thread_key *key, void (*destructor)(void *)) {
    return pthread_key_create(key, destructor) == 0;
}
MG_INLINE void mg_thread_key_set(mg_thread_key key, void *argument) { pthread_setspecific(key, argument); }

#endif

/* Lets `threads` run on every processor that the caller may use but the one it is on. Linux wakes a thread gladly on the
   core of the one that woke it, where it waits in line behind its waker: measured, that made jobs of 30 to 100 us run on
   one core for many milliseconds. `*avoided` is the processor of the last call, so that nothing is done twice. */
MG_INLINE void mg_keep_off_this_cpu(const mg_thread *threads, int count, int *avoided) {
#if defined(__linux__)
    cpu_set_t allowed;
    int here = sched_getcpu();
    if (here < 0 || here == *avoided || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    CPU_CLR(here, &allowed);
    if (CPU_COUNT(&allowed) < count) return;
    for (int i = 0; i < count; i++) pthread_setaffinity_np(threads[i], sizeof allowed, &allowed);
    *avoided = here;
#else
    (void)threads, (void)count, (void)avoided;
#endif
}

/* Tells the processor that this thread spins. */
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
MG_INLINE void mg_pause(void) { _mm_pause(); }
#elif defined(_MSC_VER) && defined(_M_ARM64)
MG_INLINE void mg_pause(void) { __yield(); }
#elif defined(__aarch64__)
MG_INLINE void mg_pause(void) { __asm__ __volatile__("yield"); }
#else
MG_INLINE void mg_pause(void) {}
#endif

#endif
