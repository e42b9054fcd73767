#include "os/kernel.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <limits>

#include "os/process.h"
#include "os/user.h"

namespace parley::os {
namespace {

TEST(Kernel, the_limit_of_open_files_is_that_of_the_process) {
  rlimit own{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
  const auto limit = open_files_limit(process_id());
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->soft, own.rlim_cur);
  EXPECT_EQ(limit->hard, own.rlim_max);
  EXPECT_FALSE(open_files_limit(std::numeric_limits<std::int32_t>::max()));
}

TEST(Kernel, the_limit_of_open_files_is_raised_as_far_as_it_goes) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  raise_open_files_limit();
  const auto raised = open_files_limit(process_id());
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(raised);
  EXPECT_EQ(raised->soft, before.rlim_max);
}

TEST(Kernel, what_these_tests_run_on_has_all_that_is_needed) {
  EXPECT_FALSE(kernel_release().empty());
  for (const KernelFeature& feature : kernel_features()) {
    if (feature.is_needed) EXPECT_TRUE(feature.is_there) << feature.name;
  }
}

TEST(Process, has_a_name_while_it_is_there) {
  EXPECT_NE(process_name(process_id()).find("os_test"), std::string::npos);
  EXPECT_EQ(process_name(std::numeric_limits<std::int32_t>::max()), "");
}

}  // namespace
}  // namespace parley::os
