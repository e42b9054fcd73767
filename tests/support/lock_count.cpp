#include "support/lock_count.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>

namespace {

constinit std::atomic<std::size_t> locks{0};

// Calls the system's function of this name, which the one here stands before.
template <class Lock>
int counted(const char* name, std::atomic<int (*)(Lock*)>& real, Lock* lock) {
  auto* function = real.load(std::memory_order_relaxed);
  if (!function) {
    function = reinterpret_cast<int (*)(Lock*)>(::dlsym(RTLD_NEXT, name));
    real.store(function, std::memory_order_relaxed);
  }
  locks.fetch_add(1, std::memory_order_relaxed);
  return function(lock);
}

template <class Lock>
using Real = std::atomic<int (*)(Lock*)>;
constinit Real<pthread_mutex_t> mutex_lock{nullptr};
constinit Real<pthread_mutex_t> mutex_trylock{nullptr};
constinit Real<pthread_rwlock_t> read_lock{nullptr};
constinit Real<pthread_rwlock_t> write_lock{nullptr};

}  // namespace

extern "C" {
int pthread_mutex_lock(pthread_mutex_t* lock) noexcept { return counted("pthread_mutex_lock", mutex_lock, lock); }
int pthread_mutex_trylock(pthread_mutex_t* lock) noexcept {
  return counted("pthread_mutex_trylock", mutex_trylock, lock);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept { return counted("pthread_rwlock_rdlock", read_lock, lock); }
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  return counted("pthread_rwlock_wrlock", write_lock, lock);
}
}

namespace parley {

std::size_t lock_count() { return locks.load(std::memory_order_relaxed); }

}  // namespace parley
