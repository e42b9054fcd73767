#include "cli/hub_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::cli {
namespace {

using testing::ElementsAre;

HubSettings read(std::string_view text, const Environment& environment = {}) {
  auto outcome = read_hub_settings(text, "hub.toml", environment);
  const auto* const mistakes = std::get_if<Mistakes>(&outcome);
  EXPECT_EQ(mistakes, nullptr) << mistakes->front();
  return mistakes ? HubSettings() : std::get<WrittenSettings>(outcome).settings;
}
Mistakes mistakes_in(std::string_view text, const Environment& environment = {}) {
  auto outcome = read_hub_settings(text, "hub.toml", environment);
  EXPECT_TRUE(std::holds_alternative<Mistakes>(outcome));
  return std::holds_alternative<Mistakes>(outcome) ? std::get<Mistakes>(outcome) : Mistakes();
}

// tested(name, as it is written, the field of given limits) for each limit.
template <class Tested>
void for_each_limit(Tested tested) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (tested(std::string(codec::field_name<Limits, I>),
            std::same_as<codec::FieldType<Limits, I>, Duration> ? "\"7ns\"" : "7",
            [](const Limits& limits) {
              return codec::with_fields(limits, [](const auto&... fields) {
                const auto count = [](const auto& field) {
                  if constexpr (requires { field.count(); })
                    return static_cast<std::uint64_t>(field.count());
                  else
                    return std::uint64_t{field};
                };
                return std::array{count(fields)...}[I];
              });
            }),
     ...);
  }(std::make_index_sequence<codec::field_count<Limits>>());
}

TEST(HubSettings, every_limit_can_be_set_in_the_file_and_in_the_environment) {
  int limits = 0;
  for_each_limit([&](const std::string& name, const std::string& value, auto field) {
    ++limits;
    EXPECT_EQ(field(read("[limits]\n" + name + " = " + value).limits), 7u) << name;
    EXPECT_EQ(field(read("", {{SettingsReader::variable_of("limits." + name), value}}).limits), 7u) << name;
  });
  EXPECT_GT(limits, 15);
}

TEST(HubSettings, the_bounds_of_commands_and_http_are_settings_too) {
  const HubSettings settings = read(
      "[commands]\nhandlers_max = 7\nlisteners_max = 8\ncarriers_max = 9\nrequests_max = 10\n"
      "requests_per_carrier_max = 11\nregistrations_per_carrier_max = 12\nannouncements_max = 17\nseen_events_max = "
      "13\n"
      "seen_events_for = \"14s\"\n[directory.commands]\ncommands_max = 15\n",
      {{"PARLEY_HTTP_BODY_BYTES_MAX", "1 MiB"}, {"PARLEY_COMMANDS_ANSWER_MAX", "2m"}});
  const RegistryOptions options = registry_options(settings);
  EXPECT_EQ(options.handlers_max, 7u);
  EXPECT_EQ(options.listeners_max, 8u);
  EXPECT_EQ(options.limits.carriers_max, 9u);
  EXPECT_EQ(options.limits.requests_max, 10u);
  EXPECT_EQ(options.limits.requests_per_carrier_max, 11u);
  EXPECT_EQ(options.limits.registrations_per_carrier_max, 12u);
  EXPECT_EQ(options.limits.announcements_max, 17u);
  EXPECT_EQ(options.limits.seen_events_max, 13u);
  EXPECT_EQ(options.limits.seen_events_for, std::chrono::seconds(14));
  EXPECT_EQ(options.limits.answer_max, std::chrono::minutes(2));
  EXPECT_EQ(settings.directory.commands.commands_max, 15u);
  EXPECT_EQ(settings.http.body_bytes_max, std::size_t{1} << 20);
}

TEST(HubSettings, tls_and_websockets_are_described_by_groups_of_their_own) {
  const LoopOptions options =
      loop_options(read("[tls]\ncertificate = \"/a\"\nkey = \"/b\"\nauthorities = \"/c\"\nclients = \"required\"\n"
                        "[websocket]\nhosts = [\"hub.example.org\"]\n",
                        {{"PARLEY_WEBSOCKET_ORIGINS", "https://app.example.org"},
                         {"PARLEY_LIMITS_FRAME_BYTES_MAX", "1 MiB"},
                         {"PARLEY_LIMITS_OPENING_BYTES_MAX", "1 KiB"}}));
  EXPECT_EQ(options.websocket.message_bytes_max, std::size_t{1} << 20);
  EXPECT_EQ(options.websocket.opening_bytes_max, std::size_t{1} << 10);
  EXPECT_EQ(options.tls.certificate, "/a");
  EXPECT_EQ(options.tls.key, "/b");
  EXPECT_EQ(options.tls.authorities, "/c");
  EXPECT_EQ(options.tls.clients, io::TlsOptions::Clients::required);
  EXPECT_THAT(options.websocket.hosts, ElementsAre("hub.example.org"));
  EXPECT_THAT(options.websocket.origins, ElementsAre("https://app.example.org"));
  EXPECT_EQ(loop_options(read("")).tls.clients, io::TlsOptions::Clients::not_asked);
  EXPECT_THAT(mistakes_in("[tls]\nkey = \"/b\"\n"), ElementsAre(testing::HasSubstr("tls.key needs tls.certificate")));
  EXPECT_THAT(mistakes_in("[tls]\nclients = \"optional\"\n"),
              ElementsAre(testing::HasSubstr("hub.toml:2:1: tls.clients needs tls.authorities")));
  EXPECT_THAT(mistakes_in("[tls]\nauthorities = \"/c\"\nclients = \"all\"\n"),
              ElementsAre(testing::HasSubstr("tls.clients is one of not_asked, optional, required")));
}

TEST(HubSettings, what_is_not_written_stays_as_it_is) {
  const HubSettings settings = read("[limits]\ndepth_max = 3\n");
  EXPECT_EQ(settings.limits.depth_max, 3u);
  EXPECT_EQ(settings.limits.channels_max, Limits().channels_max);
  EXPECT_EQ(settings.directory.names_max, core::Directory::Bounds().names_max);
  EXPECT_TRUE(settings.listen.empty());
}

TEST(HubSettings, bytes_may_have_a_unit_and_times_must) {
  const HubSettings settings =
      read("[limits]\nframe_bytes_max = \"2 MiB\"\nflush_bytes = \"3KiB\"\nhandshake_max = \"1.5s\"\n");
  EXPECT_EQ(settings.limits.frame_bytes_max, std::size_t{2} << 20);
  EXPECT_EQ(settings.limits.flush_bytes, std::size_t{3} << 10);
  EXPECT_EQ(settings.limits.handshake_max, std::chrono::milliseconds(1500));
  EXPECT_THAT(
      mistakes_in("[limits]\nhandshake_max = 5\ndepth_max = \"1 KiB\"\nframe_bytes_max = \"17179869184 GiB\"\n"),
      ElementsAre("hub.toml:4:1: limits.frame_bytes_max wants a whole number, or text with a unit: \"64 KiB\", "
                  "\"1 MiB\", and this is text",
                  "hub.toml:2:1: limits.handshake_max wants a time, as \"1.5s\", \"200ms\" or \"2m\", and this "
                  "is a whole number",
                  "hub.toml:3:1: limits.depth_max wants a whole number, and this is text"));
}

TEST(HubSettings, the_environment_counts_more_than_the_file) {
  const std::string file = "listen = [\"unix:/a\"]\n[limits]\ndepth_max = 3\n";
  const Environment environment = {{"PARLEY_LIMITS_DEPTH_MAX", "4"}, {"PARLEY_LISTEN", R"(["unix:/b", "unix:/c"])"}};
  EXPECT_EQ(read(file, environment).limits.depth_max, 4u);
  EXPECT_THAT(read(file, environment).listen, ElementsAre("unix:/b", "unix:/c"));
  EXPECT_THAT(read(file, {{"PARLEY_LISTEN", "unix:/d"}}).listen, ElementsAre("unix:/d"));
  EXPECT_THAT(read(file, {{"PARLEY_HUB", "unix:/e"}, {"LIMITS_DEPTH_MAX", "x"}}).listen, ElementsAre("unix:/a"));
}

TEST(HubSettings, all_mistakes_are_told_at_once_with_their_places) {
  const std::string file =
      "lisen = [\"unix:/a\"]\nlisten = [3]\n\n[limits]\ndepth_max = -1\nchannels_max = 4294967296\n"
      "sessions_max = true\n\n[directory]\nnames_max = 1.5\nmore = 1\n";
  EXPECT_THAT(mistakes_in(file, {{"PARLEY_LIMITS_DEPTH", "3"}, {"PARLEY_LIMITS_CREDIT_MAX", "much"}}),
              ElementsAre("PARLEY_LIMITS_DEPTH: there is no such setting; did you mean PARLEY_LIMITS_DEPTH_MAX?",
                          "hub.toml:1:1: there is no lisen; did you mean listen?",
                          "hub.toml:2:11: listen wants text, and this is a whole number",
                          "hub.toml:7:1: limits.sessions_max wants a whole number, and this is true or false",
                          "hub.toml:6:1: limits.channels_max goes from 0 to 4294967295",
                          "PARLEY_LIMITS_CREDIT_MAX: limits.credit_max wants a whole number, not \"much\"",
                          "hub.toml:5:1: limits.depth_max goes from 0 to 4294967295",
                          "hub.toml:11:1: there is no directory.more; there are names_max, offers_per_provider_max, "
                          "methods_per_offer_max, commands",
                          "hub.toml:10:1: directory.names_max wants a whole number, and this is a number"));
}

TEST(HubSettings, a_file_that_is_no_toml_is_told_with_its_place_and_the_environment_is_still_looked_at) {
  const Mistakes mistakes = mistakes_in("[limits]\ndepth_max = = 3\n", {{"PARLEY_LIMITS_DEPTH_MAX", "x"}});
  ASSERT_EQ(mistakes.size(), 2u);
  EXPECT_TRUE(mistakes[0].starts_with("hub.toml:2:")) << mistakes[0];
  EXPECT_EQ(mistakes[1], "PARLEY_LIMITS_DEPTH_MAX: limits.depth_max wants a whole number, not \"x\"");
  EXPECT_EQ(mistakes_in("listen = [\"a\"]\nlisten = [\"b\"]\n").size(), 1u) << "a name twice";
}

TEST(HubSettings, limits_that_cannot_work_are_refused) {
  EXPECT_THAT(
      mistakes_in("[limits]\ndepth_max = 0\ndescriptors_max = 9\nframe_bytes_max = \"4 GiB\"\n"
                  "opening_bytes_max = 65537\n"),
      ElementsAre("hub.toml:2:1: limits.depth_max is more than 0", "hub.toml:3:1: limits.descriptors_max is at most 8",
                  "hub.toml:4:1: limits.frame_bytes_max is below 4 GiB: a length has four bytes",
                  "hub.toml:5:1: limits.opening_bytes_max is at most 64 KiB, or openings of several protocols "
                  "look alike"));
  EXPECT_THAT(mistakes_in("[limits]\ndepth_max = 1025\n"),
              ElementsAre("hub.toml:2:1: limits.depth_max is at most 1024, or values use up the stack"));
  EXPECT_EQ(read("[limits]\ndescriptors_max = 0\n").limits.descriptors_max, 0u);
}

TEST(HubSettings, rules_and_tokens_are_read_and_rules_that_are_none_are_told_with_their_place) {
  const HubSettings settings =
      read("allow = [\"token:ci see,call build.**\"]\n[tokens]\nci = \"/etc/ci.token\"\n\"b-2\" = \"/etc/b.token\"\n");
  EXPECT_THAT(settings.allow, ElementsAre("token:ci see,call build.**"));
  EXPECT_THAT(settings.tokens, ElementsAre(testing::Pair("b-2", "/etc/b.token"), testing::Pair("ci", "/etc/ci.token")));
  EXPECT_THAT(read("", {{"PARLEY_ALLOW", "token:ci see,call build.**"}}).allow,
              ElementsAre("token:ci see,call build.**"));
  const Mistakes mistakes = mistakes_in("allow = [\"uid:1 call **\",\n\"somebody may x\"]\n");
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_TRUE(mistakes[0].starts_with("hub.toml:2:1: ")) << mistakes[0];
  const Mistakes variable = mistakes_in("", {{"PARLEY_ALLOW", "somebody"}});
  ASSERT_EQ(variable.size(), 1u);
  EXPECT_TRUE(variable[0].starts_with("PARLEY_ALLOW: ")) << variable[0];
}

TEST(HubSettings, spans_go_to_a_file_if_one_is_named) {
  EXPECT_EQ(read("").trace, "");
  EXPECT_EQ(read("trace = '/var/tmp/hub.spans'\n").trace, "/var/tmp/hub.spans");
  EXPECT_EQ(read("trace = '/var/tmp/hub.spans'\n", {{"PARLEY_TRACE", "/tmp/other"}}).trace, "/tmp/other");
}

TEST(HubSettings, a_choice_is_true_or_false) {
  EXPECT_FALSE(read("").introduce);
  EXPECT_TRUE(read("introduce = true\n").introduce);
  EXPECT_FALSE(read("introduce = true\n", {{"PARLEY_INTRODUCE", "false"}}).introduce);
  EXPECT_THAT(mistakes_in("introduce = 1\n"),
              ElementsAre("hub.toml:1:1: introduce wants true or false, and this is a whole number"));
}

TEST(HubSettings, what_is_printed_is_a_file_that_says_the_same) {
  const auto first =
      read_hub_settings("listen = [\"unix:/a b\\\"\"]\n[limits]\nhandshake_max = \"90s\"\n[tokens]\nc = \"/c\"\n",
                        "hub.toml", {{"PARLEY_LIMITS_DEPTH_MAX", "5"}});
  const std::string printed = to_toml(std::get<WrittenSettings>(first));
  EXPECT_NE(printed.find("listen = [\"unix:/a b\\\"\"]  # hub.toml:1:1\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("handshake_max = \"90s\"  # hub.toml:3:1\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("depth_max = 5  # PARLEY_LIMITS_DEPTH_MAX\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("names_max = 4096  # default\n"), std::string::npos) << printed;
  const HubSettings again = read(printed);
  EXPECT_THAT(again.tokens, ElementsAre(testing::Pair("c", "/c")));
  EXPECT_THAT(again.listen, ElementsAre("unix:/a b\""));
  EXPECT_EQ(again.limits.handshake_max, std::chrono::seconds(90));
  EXPECT_EQ(again.limits.depth_max, 5u);
}

TEST(HubSettings, what_a_host_at_the_pipe_can_do_is_said_in_the_file) {
  const HubSettings settings = read(
      "[hostpipe]\ncommands = ['spawn_pool_window', 'reap_panes']\nprobes = ['probe_ui_thread']\n"
      "events = ['build.**']\nprefix = 'ui.'\nwrite_max = '2s'\n",
      {{"PARLEY_HOSTPIPE_LINE_BYTES_MAX", "64 KiB"}});
  EXPECT_THAT(settings.hostpipe.commands, ElementsAre("spawn_pool_window", "reap_panes"));
  EXPECT_THAT(settings.hostpipe.probes, ElementsAre("probe_ui_thread"));
  EXPECT_THAT(settings.hostpipe.events, ElementsAre("build.**"));
  EXPECT_EQ(settings.hostpipe.prefix, "ui.");
  EXPECT_EQ(settings.hostpipe.write_max, std::chrono::seconds(2));
  EXPECT_EQ(settings.hostpipe.line_bytes_max, 65536u);
  EXPECT_THAT(mistakes_in("[hostpipe]\ncommands = ['x', 'x']\n"),
              ElementsAre("hub.toml:2:1: hostpipe.commands \"x\" is there twice"));
  EXPECT_THAT(mistakes_in("[hostpipe]\nleave_max = '0s'\nevents = ['a*']\n"),
              ElementsAre("hub.toml:2:1: hostpipe.leave_max is more than 0",
                          testing::HasSubstr("hub.toml:3:1: hostpipe.events \"a*\" is no pattern")));
}

}  // namespace
}  // namespace parley::cli
