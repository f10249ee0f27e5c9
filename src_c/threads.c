/* The thread pool.

   A job is published in one 64-bit number, the ticket: its upper half counts jobs, its lower half the tasks that nobody
   has claimed yet. A thread claims a task by lowering the ticket by one with a compare-and-swap, which fails if the job
   has changed meanwhile; only then does it read the job's fields, which stay as they are until every claimed task has
   ended. So the caller never waits for a task that nobody has begun, and a worker that wakes late finds nothing to do.

       ticket   [ number of the job | tasks left ]      publish: number + 1, tasks left = count
       claim    tasks left = 3 -> 2, index = count - 3  the job is over when count tasks have ended

   A worker that has found nothing for SPIN_SECONDS sleeps; until then it yields now and then, since it may be spinning
   on the caller's own core. Handing a job to a spinning worker takes less than a microsecond, to a sleeping one up to 75:
   so a short job runs on its caller alone unless a worker is awake, and many short jobs in a row (DEBT_SECONDS of work
   within PAUSE_SECONDS of one another) wake the workers for those to come. */
#if defined(__linux__)
#define _GNU_SOURCE     /* thread affinity */
#endif

#include "threads.h"

#include <stdio.h>
#include <stdlib.h>

#include "os.h"

#define SPIN_SECONDS 300e-6
#define SHORT_SECONDS 4e-6     /* not worth sharing even with a worker that spins */
#define WAKE_SECONDS 60e-6     /* worth waking a worker for */
#define DEBT_SECONDS 120e-6
#define PAUSE_SECONDS 100e-6
#define FORK_SECONDS 1.0
#define MAX_THREADS 1024
#define LONG_SECONDS 100e-6      /* a job whose end may be wanted before, for it may take longer than was said */
#define LOOK_SECONDS 50e-3

static struct {
    mg_atomic ticket;
    mg_atomic ended;          /* tasks of the job that have ended */
    mg_task task;
    void *context;
    ptrdiff_t count;
    mg_atomic busy;           /* a caller owns the pool */
    mg_atomic threads;        /* its size, the caller included */
    mg_atomic stopping;
    mg_atomic ends;           /* the rest of the job is left out */
    mg_atomic asleep;
    int workers;              /* those that run; changed by the owner of the pool alone */
    int spin;                 /* not where there are fewer processors than threads */
    int avoided;              /* the processor that workers keep off, or -1 */
    double debt, last;        /* work that ran alone for want of a waking worker, and when */
    mg_thread handles[MAX_THREADS];
    mg_lock lock;
    mg_condition work;
} pool = {.threads = 1, .lock = MG_LOCK_INIT, .work = MG_CONDITION_INIT};

static MG_THREAD_LOCAL int inside;      /* this thread is running a task */

/* Of a job's caller: when it looks again whether the end is wanted (0: never), and what it saw. */
static MG_THREAD_LOCAL double look_at;
static MG_THREAD_LOCAL int ends, ended;
static MG_THREAD_LOCAL mg_atomic *shared_end;       /* of the pool's job, where this thread runs its tasks */
static int (*end_wanted)(void);

void mg_set_end_wanted(int (*wanted)(void)) { end_wanted = wanted; }

int mg_job_ends(void) {
    if (look_at && !ends) {
        double now = mg_seconds();
        if (now >= look_at) {
            look_at = now + LOOK_SECONDS;
            ends = end_wanted && end_wanted();
            if (ends && shared_end) mg_atomic_store(shared_end, 1);
        }
    }
    return ends || (shared_end && mg_atomic_load(shared_end));
}

int mg_job_ended(void) {
    int did = ended;
    ended = 0;
    return did;
}

static long long tasks_left(void) { return mg_atomic_load(&pool.ticket) & 0xffffffff; }

static void leave_out_rest(void) {
    for (;;) {
        long long ticket = mg_atomic_load(&pool.ticket), left = ticket & 0xffffffff;
        if (left == 0) return;
        if (mg_atomic_swap_if(&pool.ticket, ticket, ticket - left)) mg_atomic_add(&pool.ended, left);
    }
}

/* Claims tasks until none are left; returns whether it got one. */
static int run_tasks(void) {
    int ran = 0;
    inside = 1;
    for (;;) {
        long long ticket = mg_atomic_load(&pool.ticket);
        long long left = ticket & 0xffffffff;
        if (left == 0) break;
        if (mg_atomic_swap_if(&pool.ticket, ticket, ticket - 1)) {
            pool.task(pool.context, pool.count - (ptrdiff_t)left);
            mg_atomic_add(&pool.ended, 1);
            ran = 1;
            if (mg_job_ends()) leave_out_rest();
        }
    }
    inside = 0;
    return ran;
}

static void spin(void) {
    double until = mg_seconds() + SPIN_SECONDS;
    do {
        for (int i = 0; i < 64; i++) {
            if (tasks_left() || mg_atomic_load(&pool.stopping)) return;
            mg_pause();
        }
        mg_yield();
    } while (mg_seconds() < until);
}

MG_THREAD_MAIN(worker) {
    (void)unused;
    shared_end = &pool.ends;
    while (!mg_atomic_load(&pool.stopping)) {
        run_tasks();
        if (pool.spin) spin();
        if (tasks_left()) continue;
        mg_lock_take(&pool.lock);
        mg_atomic_add(&pool.asleep, 1);
        while (!tasks_left() && !mg_atomic_load(&pool.stopping)) mg_condition_wait(&pool.work, &pool.lock);
        mg_atomic_add(&pool.asleep, -1);
        mg_lock_release(&pool.lock);
    }
    return 0;
}

static void wake_workers(void) {
    mg_lock_take(&pool.lock);
    mg_condition_wake_all(&pool.work);
    mg_lock_release(&pool.lock);
}

static int own_pool(void) { return mg_atomic_load(&pool.busy) == 0 && mg_atomic_swap_if(&pool.busy, 0, 1); }

static void leave_pool(void) { mg_atomic_store(&pool.busy, 0); }

enum { KEY_NONE, KEY_BEING_MADE, KEY_READY, KEY_IMPOSSIBLE };     /* impossible: then a thread's scratch stays */
static mg_atomic key_state;

#if defined(_WIN32)
static void watch_forks(void) {}
#else
/* fork copies the caller's thread alone. So it waits until no job runs and no worker is being made or joined (a thread
   half made is the end of the child), but not for ever: a job might need what the forking thread holds. */
static MG_THREAD_LOCAL int owns_for_fork;

static void before_fork(void) {
    double until = mg_seconds() + FORK_SECONDS;
    owns_for_fork = 0;
    while (!inside && !(owns_for_fork = own_pool()) && mg_seconds() < until) mg_yield();
}

static void after_fork(void) {
    if (owns_for_fork) leave_pool();
}

/* The child starts with no workers, and with nobody's locks. */
static void forget_workers(void) {
    static const mg_lock fresh_lock = MG_LOCK_INIT;
    static const mg_condition fresh_condition = MG_CONDITION_INIT;
    pool.lock = fresh_lock;
    pool.work = fresh_condition;
    pool.workers = 0;
    pool.ticket = pool.asleep = pool.stopping = pool.busy = 0;
    if (key_state == KEY_BEING_MADE) key_state = KEY_NONE;
}

/* Before anybody owns the pool for the first time: a fork in the middle would leave the child's pool owned for ever. */
static void watch_forks(void) {
    static mg_atomic watching;
    if (mg_atomic_swap_if(&watching, 0, 1)) pthread_atfork(before_fork, after_fork, forget_workers);
}
#endif

static void start_workers(void) {
    int wanted = (int)mg_atomic_load(&pool.threads) - 1;
    if (pool.workers >= wanted) return;
    pool.spin = wanted < mg_cpu_count();
    pool.avoided = -1;
    while (pool.workers < wanted && mg_thread_start(&pool.handles[pool.workers], worker)) pool.workers++;
}

/* Whether a job of so many seconds is worth sharing now, and whether sleeping workers are to be woken for it. */
static int worth_sharing(double seconds, int *wake) {
    *wake = 0;
    if (seconds < SHORT_SECONDS) return 0;
    int sleeping = (int)mg_atomic_load(&pool.asleep);
    if (sleeping == 0 && pool.workers) return 1;
    if (seconds < WAKE_SECONDS) {
        double now = mg_seconds();
        pool.debt = now - pool.last < PAUSE_SECONDS ? pool.debt + seconds : seconds;
        pool.last = now + seconds;
        if (pool.debt < DEBT_SECONDS) return sleeping < pool.workers;
    }
    pool.debt = 0;
    *wake = 1;
    return 1;
}

static void run_job(mg_task task, void *context, ptrdiff_t count, double seconds) {
    if (count > 1 && count <= 0xffffffff && mg_atomic_load(&pool.threads) > 1 && !inside && own_pool()) {
        int wake;
        if (worth_sharing(seconds, &wake)) {
            start_workers();
            pool.task = task;
            pool.context = context;
            pool.count = count;
            mg_atomic_store(&pool.ended, 0);
            mg_atomic_store(&pool.ends, 0);
            shared_end = &pool.ends;
            mg_keep_off_this_cpu(pool.handles, pool.workers, &pool.avoided);
            unsigned long long number = ((unsigned long long)mg_atomic_load(&pool.ticket) >> 32) + 1;
            mg_atomic_store(&pool.ticket, (long long)(number << 32 | (unsigned long long)count));
            if (wake) wake_workers();
            run_tasks();
            for (ptrdiff_t i = 0; mg_atomic_load(&pool.ended) < count; i++) {
                if (i < 1000) mg_pause();
                else if (mg_job_ends()) leave_out_rest();
                else mg_yield();
            }
            shared_end = NULL;
            leave_pool();
            return;
        }
        leave_pool();
    }
    for (ptrdiff_t i = 0; i < count && !ends; i++) {
        task(context, i);
        if (look_at) mg_job_ends();
    }
}

void mg_parallel_for(mg_task task, void *context, ptrdiff_t count, double seconds) {
    const double outer = look_at;       /* of a job in one of whose tasks this one is run */
    if (!outer && !inside && seconds >= LONG_SECONDS) look_at = mg_seconds() + LOOK_SECONDS;
    ended = 0;
    run_job(task, context, count, seconds);
    if (outer || inside) return;
    ended = ends;
    look_at = ends = 0;
}

int mg_get_num_threads(void) { return (int)mg_atomic_load(&pool.threads); }

void mg_set_num_threads(int threads) {
    if (inside) return;
    watch_forks();
    while (!own_pool()) mg_yield();
    mg_atomic_store(&pool.stopping, 1);
    wake_workers();
    while (pool.workers) mg_thread_join(pool.handles[--pool.workers]);
    mg_atomic_store(&pool.stopping, 0);
    mg_atomic_store(&pool.threads, threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads);
    leave_pool();
}

/* Scratch memory belongs to its thread and goes with it. */
struct scratch {
    void *memory;
    size_t bytes;
    int held;               /* where MG_DEBUG watches it */
};

static MG_THREAD_LOCAL struct scratch scratch[MG_SCRATCH_SLOTS];

MG_THREAD_KEY_DESTRUCTOR(free_scratch) {
    struct scratch *slots = argument;
    for (int i = 0; i < MG_SCRATCH_SLOTS; i++) {
        free(slots[i].memory);
        slots[i].memory = NULL;
        slots[i].bytes = 0;
    }
}

static void register_scratch(void) {
    static mg_thread_key key;
    if (mg_atomic_swap_if(&key_state, KEY_NONE, KEY_BEING_MADE))
        mg_atomic_store(&key_state, mg_thread_key_make(&key, free_scratch) ? KEY_READY : KEY_IMPOSSIBLE);
    while (mg_atomic_load(&key_state) == KEY_BEING_MADE) mg_pause();
    if (mg_atomic_load(&key_state) == KEY_READY) mg_thread_key_set(key, scratch);
}

#ifdef MG_DEBUG
enum { WATCHED = 1 };
#else
enum { WATCHED = 0 };
#endif

static void refuse_held(int slot) {
    if (!WATCHED || !scratch[slot].held) return;
    fprintf(stderr, "mgconv: scratch slot %d is in use\n", slot);
    abort();
}

void mg_scratch_none_held(void) {
    for (int i = 0; i < MG_SCRATCH_SLOTS; i++) refuse_held(i);
}

void mg_scratch_end(int slot) {
    if (WATCHED) scratch[slot].held = 0;
}

void *mg_scratch(int slot, size_t bytes) {
    struct scratch *s = &scratch[slot];
    refuse_held(slot);
    if (bytes > s->bytes || !s->memory) {
        register_scratch();
        free(s->memory);
        s->memory = malloc(bytes + 63);
        s->bytes = s->memory ? bytes : 0;
        if (!s->memory) return NULL;
    }
    if (WATCHED) s->held = 1;
    return (void *)(((uintptr_t)s->memory + 63) & ~(uintptr_t)63);
}
