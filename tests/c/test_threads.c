/* The thread pool: every task runs once, whatever the number of threads; scratch memory is aligned and kept. */
#include "threads.h"

#include <string.h>
#include <time.h>

#include "check.h"

enum { TASKS = 1000 };
static unsigned char ran[TASKS];

static void add_task(void *context, ptrdiff_t index) { ((unsigned char *)context)[index]++; }

static void count_task(void *context, ptrdiff_t index) {
    unsigned char *mine = mg_scratch(MG_SCRATCH_TASK, 256);
    if (mine) mine[255] = 1, mg_scratch_end(MG_SCRATCH_TASK);
    ran[index] = (unsigned char)(ran[index] + *(unsigned char *)context);
}

static void nested_task(void *context, ptrdiff_t index) {
    unsigned char inner[10] = {0}, one = 1;
    (void)context;
    mg_set_num_threads(1);      /* does nothing here */
    mg_parallel_for(add_task, inner, 10, 1.0);
    for (int i = 0; i < 10; i++) one &= inner[i] == 1;
    ran[index] = one;
}

static int yes(void) { return 1; }
static int no(void) { return 0; }

static void slow_task(void *context, ptrdiff_t index) {
    (void)context;
    for (clock_t until = clock() + CLOCKS_PER_SEC / 500; clock() < until;) ran[index] = 1;
}

/* Tasks that nobody has begun are left out where the end is wanted, on one thread and on several. */
static void test_early_end(int threads) {
    mg_set_num_threads(threads);
    for (int wanted = 0; wanted < 2; wanted++) {
        mg_set_end_wanted(wanted ? yes : no);
        memset(ran, 0, sizeof ran);
        mg_parallel_for(slow_task, NULL, TASKS / 5, 1.0);
        int sum = 0;
        for (int i = 0; i < TASKS; i++) sum += ran[i];
        CHECK(wanted ? 0 < sum && sum < TASKS / 5 : sum == TASKS / 5);
        CHECK(mg_job_ended() == wanted && !mg_job_ended() && !mg_job_ends());
    }
    mg_set_end_wanted(NULL);
}

void test_threads(void) {
    unsigned char one = 1;
    for (int threads = 1; threads <= 4; threads++) {
        mg_set_num_threads(threads);
        CHECK(mg_get_num_threads() == threads);
        for (int repeat = 0; repeat < 50; repeat++) {
            memset(ran, 0, sizeof ran);
            mg_parallel_for(count_task, &one, TASKS, 1.0);
            int once = 0;
            for (int i = 0; i < TASKS; i++) once += ran[i] == 1;
            CHECK(once == TASKS);
        }
    }
    memset(ran, 0, sizeof ran);
    mg_parallel_for(nested_task, NULL, TASKS, 1.0);
    int right = 0;
    for (int i = 0; i < TASKS; i++) right += ran[i];
    CHECK(right == TASKS && mg_get_num_threads() == 4);
    test_early_end(1);
    test_early_end(3);
    mg_set_num_threads(1);
    void *first = mg_scratch(MG_SCRATCH_JOB, 1000);
    CHECK(first && (uintptr_t)first % 64 == 0);
    mg_scratch_end(MG_SCRATCH_JOB);
    CHECK(mg_scratch(MG_SCRATCH_JOB, 500) == first);
    mg_scratch_end(MG_SCRATCH_JOB);
    CHECK(mg_scratch(MG_SCRATCH_JOB, 1 << 20) != NULL);
    mg_scratch_end(MG_SCRATCH_JOB);
    mg_scratch_none_held();
}
