#include "cli/doctor_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What `parley doctor` thinks of what it finds.
namespace parley::cli {
namespace {

using Kind = os::Place::Kind;
using testing::HasSubstr;

constexpr std::uint32_t me = 1000;

os::Place directory(std::uint32_t uid, std::uint32_t mode) {
  return {.kind = Kind::directory, .uid = uid, .mode = mode};
}

TEST(DoctorChecks, the_default_directory_is_its_owners_alone) {
  EXPECT_EQ(check_directory("/d", directory(me, 0700), true, me).state, State::ok);
  EXPECT_EQ(check_directory("/d", directory(me, 0755), true, me).next, "chmod 700 /d");
  EXPECT_EQ(check_directory("/d", directory(me + 1, 0700), true, me).state, State::fail);
  EXPECT_EQ(check_directory("/d", directory(0, 0700), true, me).state, State::fail);
  EXPECT_EQ(check_directory("/d", {}, true, me).state, State::warn) << "the hub makes it";
}

TEST(DoctorChecks, another_directory_lets_nobody_replace_what_is_in_it) {
  EXPECT_EQ(check_directory("/d", directory(me, 0755), false, me).state, State::ok);
  EXPECT_EQ(check_directory("/d", directory(0, 01777), false, me).state, State::ok);
  EXPECT_EQ(check_directory("/d", directory(me, 0775), false, me).next, "chmod go-w /d");
  EXPECT_EQ(check_directory("/d", {}, false, me).next, "mkdir -m 700 /d");
  EXPECT_EQ(check_directory("/d", {.kind = Kind::other}, false, me).state, State::fail);
  EXPECT_EQ(check_directory("/d", {.kind = Kind::hidden}, false, me).state, State::fail);
}

TEST(DoctorChecks, a_socket_is_alive_left_or_something_else) {
  const os::Place there{.kind = Kind::socket, .uid = me, .mode = 0600};
  EXPECT_EQ(check_socket("/s", there, true).state, State::ok);
  EXPECT_EQ(check_socket("/s", {.kind = Kind::socket, .uid = me, .mode = 0666}, true).next, "chmod 600 /s");
  EXPECT_EQ(check_socket("/s", there, false).state, State::warn);
  EXPECT_EQ(check_socket("/s", {}, false).state, State::warn);
  EXPECT_EQ(check_socket("/s", {.kind = Kind::hidden}, false).state, State::fail);
  EXPECT_EQ(check_socket("/s", directory(me, 0700), false).state, State::fail);
}

TEST(DoctorChecks, versions_that_differ_are_a_warning) {
  EXPECT_EQ(check_versions("1.0", "1.0").state, State::ok);
  EXPECT_EQ(check_versions("1.0", "0.9").state, State::warn);
  EXPECT_EQ(check_versions("1.0", "").state, State::warn);
}

TEST(DoctorChecks, a_hub_that_is_nearly_full_is_a_warning) {
  EXPECT_EQ(check_sessions(89, 100).state, State::ok);
  EXPECT_EQ(check_sessions(90, 100).state, State::warn);
}

TEST(DoctorChecks, open_files_are_to_last_for_all_sessions) {
  const auto state = [](std::uint64_t soft, std::uint64_t hard) {
    return check_open_files("the hub", os::OpenFilesLimit{.soft = soft, .hard = hard}, 1000);
  };
  EXPECT_EQ(state(1064, 1064).state, State::ok);
  EXPECT_EQ(state(1024, 4096).next, "`ulimit -n 1064` before `parley hub`, if there are to be so many");
  EXPECT_THAT(state(1024, 1024).next, HasSubstr("hard limit of 1024"));
  EXPECT_EQ(state(100, 4096).state, State::fail);
  EXPECT_EQ(check_open_files("the hub", {}, 1000).state, State::warn);
}

TEST(DoctorChecks, the_listen_queue_is_as_long_as_a_hub_asks_for) {
  EXPECT_EQ(check_listen_queue(4096, 1024).state, State::ok);
  EXPECT_EQ(check_listen_queue(128, 1024).next, "sysctl net.core.somaxconn=1024");
  EXPECT_EQ(check_listen_queue({}, 1024).state, State::warn);
}

TEST(DoctorChecks, a_kernel_feature_that_is_needed_is_looked_at_first) {
  const os::KernelFeature good{.name = "good", .use = "x", .is_needed = true, .is_there = true};
  const os::KernelFeature wanted{.name = "wanted", .use = "y", .is_needed = false, .is_there = false};
  const os::KernelFeature needed{.name = "needed", .use = "z", .is_needed = true, .is_there = false};
  EXPECT_EQ(check_kernel("Linux 6", {good}).reason, "Linux 6: good");
  EXPECT_EQ(check_kernel("Linux 6", {good, wanted}).state, State::warn);
  const Finding finding = check_kernel("Linux 6", {wanted, needed});
  EXPECT_EQ(finding.state, State::fail);
  EXPECT_EQ(finding.reason, "Linux 6 has no needed (z)");
}

TEST(DoctorChecks, a_finding_is_a_line_and_what_to_do_a_second) {
  EXPECT_EQ(in_words({"hub", State::ok, "answers", ""}), "ok    hub           answers");
  EXPECT_EQ(in_words({"hub", State::fail, "no hub", "start one"}),
            "fail  hub           no hub\n                    start one");
}

}  // namespace
}  // namespace parley::cli
