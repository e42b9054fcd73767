#include "os/termination.h"

#include <gtest/gtest.h>

#include <csignal>
#include <semaphore>

#include "os/user.h"

namespace parley::os {
namespace {

TEST(Termination, is_told_once_for_each_signal_and_the_process_goes_on) {
  std::counting_semaphore<8> told{0};
  const Termination termination([&told] { told.release(); });
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ASSERT_EQ(::kill(static_cast<pid_t>(process_id()), signal), 0);
    told.acquire();
  }
}

TEST(Termination, a_hangup_asks_to_read_files_again_where_somebody_does) {
  std::counting_semaphore<8> ended{0};
  std::counting_semaphore<8> reloaded{0};
  const Termination termination([&ended] { ended.release(); }, [&reloaded] { reloaded.release(); });
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(::kill(static_cast<pid_t>(process_id()), SIGHUP), 0);
    reloaded.acquire();
  }
  EXPECT_FALSE(ended.try_acquire());
  ASSERT_EQ(::kill(static_cast<pid_t>(process_id()), SIGTERM), 0);
  ended.acquire();
  EXPECT_FALSE(reloaded.try_acquire());
}

TEST(Termination, leaves_signals_as_they_were) {
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  {
    const Termination termination([] {});
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    EXPECT_TRUE(::sigismember(&after, SIGTERM));
  }
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    EXPECT_EQ(::sigismember(&before, signal), ::sigismember(&after, signal));
  }
}

}  // namespace
}  // namespace parley::os
