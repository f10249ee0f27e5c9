/* The one thread pool: a job is a number of tasks, claimed in any order by the caller and the pool's workers.

   Any number of threads may call these functions at once. Nothing here knows Python or its lock, so an interpreter
   without one (free-threaded) needs nothing else. After fork the child begins with a pool of the same size.

   Results must not depend on who runs a task: cut work by shape alone, and add partial results in a fixed order. */
#ifndef MG_THREADS_H
#define MG_THREADS_H

#include <stddef.h>

#include "compat.h"

/* Runs task number `index` of the job that `context` describes. */
typedef void (*mg_task)(void *context, ptrdiff_t index);

/* Runs tasks 0 ... count - 1 and returns when all have ended. `seconds` is what the job would take on one thread, as
   far as the caller can tell: a job too short to repay waking a thread runs on the caller alone. A job started inside
   a task, or while another thread uses the pool, runs on its caller alone too. */
void mg_parallel_for(mg_task task, void *context, ptrdiff_t count, double seconds);

/* A long job may be ended early: its caller asks `wanted` between tasks, and in those that call mg_job_ends, every
   LOOK_SECONDS or so. When that says yes, tasks that nobody has begun are left out, and mg_job_ended, which forgets it,
   says so of the thread's last job. */
void mg_set_end_wanted(int (*wanted)(void));
int mg_job_ends(void);
int mg_job_ended(void);

/* At least `bytes` of scratch memory aligned to 64, owned by the calling thread and kept for its next use; NULL when
   there is no memory. The content is undefined. What was taken is given back before the slot is taken again, and before
   anything else may run in the thread, such as a user's function: that may come back here and take the same slot.
   A job's caller takes MG_SCRATCH_JOB for what all its tasks read (a packed kernel), a task takes MG_SCRATCH_TASK, and
   one that runs another algorithm's tasks on what it made takes MG_SCRATCH_MADE for that. */
enum { MG_SCRATCH_JOB, MG_SCRATCH_TASK, MG_SCRATCH_MADE, MG_SCRATCH_SLOTS };
void *mg_scratch(int slot, size_t bytes);
void mg_scratch_end(int slot);

/* With MG_DEBUG defined a slot that is taken twice ends the process, and so does this where the thread holds one. */
void mg_scratch_none_held(void);

/* The size of the pool, the caller included; at first 1. Setting it waits for the job that is running, if any, and does
   nothing inside a task. Exported, so that threadpoolctl finds them. */
MG_EXPORT int mg_get_num_threads(void);
MG_EXPORT void mg_set_num_threads(int threads);

#endif
