#pragma once
#define WINAPI __stdcall
#define INFINITE 0xffffffff
#define FLS_OUT_OF_INDEXES ((DWORD)0xffffffff)
#define SRWLOCK_INIT {0}
#define CONDITION_VARIABLE_INIT {0}
typedef int BOOL;
typedef unsigned char BOOLEAN;
typedef unsigned long DWORD, ULONG;
typedef unsigned long long SIZE_T;
typedef void *HANDLE, *LPVOID, *PVOID;
typedef union { struct { DWORD LowPart; long HighPart; } u; long long QuadPart; } LARGE_INTEGER;
typedef struct { PVOID Ptr; } SRWLOCK, CONDITION_VARIABLE;
typedef struct { DWORD dwPageSize, dwNumberOfProcessors; } SYSTEM_INFO;
typedef DWORD(WINAPI *LPTHREAD_START_ROUTINE)(LPVOID argument);
typedef void(WINAPI *PFLS_CALLBACK_FUNCTION)(PVOID argument);
void AcquireSRWLockExclusive(SRWLOCK *lock);
void ReleaseSRWLockExclusive(SRWLOCK *lock);
BOOL SleepConditionVariableSRW(CONDITION_VARIABLE *condition, SRWLOCK *lock, DWORD milliseconds, ULONG flags);
void WakeAllConditionVariable(CONDITION_VARIABLE *condition);
void WakeConditionVariable(CONDITION_VARIABLE *condition);
BOOL SwitchToThread(void);
DWORD WaitForSingleObject(HANDLE handle, DWORD milliseconds);
BOOL CloseHandle(HANDLE handle);
BOOL QueryPerformanceCounter(LARGE_INTEGER *count);
BOOL QueryPerformanceFrequency(LARGE_INTEGER *frequency);
void GetSystemInfo(SYSTEM_INFO *info);
HANDLE CreateThread(void *security, SIZE_T stack, LPTHREAD_START_ROUTINE start, LPVOID argument, DWORD flags, DWORD *id);
DWORD FlsAlloc(PFLS_CALLBACK_FUNCTION callback);
BOOL FlsSetValue(DWORD index, PVOID value);
PVOID FlsGetValue(DWORD index);
