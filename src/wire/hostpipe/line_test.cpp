#include "wire/hostpipe/line.h"

#include <gtest/gtest.h>

namespace parley::wire::hostpipe {
namespace {

template <class T>
T of_host(std::string_view text) {
  auto line = parse_of_host(text);
  EXPECT_TRUE(line.has_value()) << text << ": " << (line ? "" : line.error().note);
  auto* const body = line ? std::get_if<T>(&line->body) : nullptr;
  EXPECT_TRUE(body) << text;
  return body ? *body : T();
}

template <class T>
T of_launcher(std::string_view text) {
  auto line = parse_of_launcher(text);
  EXPECT_TRUE(line.has_value()) << text << ": " << (line ? "" : line.error().note);
  auto* const said = line ? std::get_if<T>(&*line) : nullptr;
  EXPECT_TRUE(said) << text;
  return said ? *said : T();
}

std::string mistake_of_host(std::string_view text) {
  const auto line = parse_of_host(text);
  if (line) return "none";
  EXPECT_EQ(line.error().code, Code::message);
  return line.error().note;
}

TEST(HostpipeLine, a_command_is_the_line_that_hosts_know) {
  // rule: delivery/R-44
  const std::string line = R"({"kind":"command","cmd":"spawn_pool_window","saga_id":42})";
  EXPECT_EQ(encode(Command{"spawn_pool_window", 42, {}}), line);
  EXPECT_EQ(of_launcher<Command>(line), (Command{"spawn_pool_window", 42, {}}));
  const std::string more = R"({"kind":"command","cmd":"reap_panes","saga_id":7,"label":"main","panes":[1,2]})";
  EXPECT_EQ(of_launcher<Command>(more), (Command{"reap_panes", 7, {}, R"("label":"main","panes":[1,2])"}));
  EXPECT_EQ(encode(of_launcher<Command>(more)), more);
  const std::string probe = R"({"kind":"command","cmd":"probe_ui_thread","nonce":5})";
  EXPECT_EQ(encode(Command{"probe_ui_thread", {}, 5}), probe);
  EXPECT_EQ(of_launcher<Command>(probe), (Command{"probe_ui_thread", {}, 5}));
}

TEST(HostpipeLine, an_event_is_raw_and_its_envelope_is_understood) {
  // rule: delivery/R-44
  const std::string raw = R"({"event":"window_opened","label":"main","version":7})";
  const Event event{"window_opened", 7, R"("label":"main")"};
  EXPECT_EQ(encode(event), raw);
  EXPECT_EQ(of_launcher<Event>(raw), event);
  EXPECT_EQ(of_launcher<Event>(R"({"kind":"event","event":"window_opened","label":"main","version":7})"), event);
  EXPECT_EQ(of_launcher<Event>(R"({"version":7,"label":"main","event":"window_opened"})"), event);
  EXPECT_EQ(encode(Event{"pool_drained"}), R"({"event":"pool_drained"})");
}

TEST(HostpipeLine, what_is_no_envelope_may_still_be_an_event) {
  // rule: delivery/R-44
  EXPECT_EQ(of_launcher<Event>(R"({"kind":"host","event":"registered","version":1})"),
            (Event{"registered", 1, R"("kind":"host")"}));
  EXPECT_EQ(of_launcher<Event>(R"({"kind":"command","event":"odd"})"), (Event{"odd", {}, R"("kind":"command")"}));
  for (const std::string_view neither :
       {R"({"kind":"command"})", R"({"kind":"event"})", R"({"cmd":"x"})", R"({})", R"([])", R"(7)", R"(x)",
        R"({"event":7})", R"({"event":""})", R"({"event":"x","version":-1})", R"({"event":"x","version":"1"})",
        R"({"kind":"command","cmd":"x","saga_id":1.5})", R"({"event":"x"} {})", R"({"event":"x","event":"y"})"}) {
    const auto line = parse_of_launcher(neither);
    ASSERT_FALSE(line.has_value()) << neither;
    EXPECT_EQ(line.error().code, Code::message);
  }
}

TEST(HostpipeLine, a_host_says_what_it_is_and_what_it_asks) {
  EXPECT_EQ(of_host<Register>(R"({"cmd":"register","kind":"host","pid":17})"), (Register{"host", 17}));
  EXPECT_EQ(of_host<Register>(R"({"pid":17,"new":[1],"kind":"tool","cmd":"register","token":"t"})"),
            (Register{"tool", 17, "t"}));
  of_host<Ping>(R"({"cmd":"ping"})");
  of_host<Goodbye>(R"({"cmd":"goodbye","why":"the user left"})");
  of_host<GetSnapshot>(R"({"cmd":"get_snapshot"})");
  EXPECT_EQ(of_host<GetEvents>(R"({"cmd":"get_events","since":12})").since, 12u);
  EXPECT_EQ(of_host<GetEvents>(R"({"cmd":"get_events"})").since, 0u);
  EXPECT_EQ(of_host<GetEvents>(R"({"cmd":"get_events","since":18446744073709551615})").since, ~std::uint64_t{0});
  EXPECT_EQ(of_host<Other>(R"({"cmd":"create_tab","name":"x"})").name, "create_tab");
  EXPECT_EQ(of_host<Other>(R"({"cmd":"report_"})").name, "report_");
}

TEST(HostpipeLine, a_report_may_answer_a_command_and_0_is_no_saga) {
  EXPECT_EQ(of_host<Report>(R"({"cmd":"report_pool_window_added","label":"p-1","saga_id":42})"),
            (Report{"pool_window_added", 42, R"("label":"p-1")"}));
  for (const std::string_view organic :
       {R"({"cmd":"report_pool_drained"})", R"({"cmd":"report_pool_drained","saga_id":null})",
        R"({"cmd":"report_pool_drained","saga_id":0})"}) {
    EXPECT_EQ(of_host<Report>(organic), Report{"pool_drained"}) << organic;
  }
  for (const std::string_view failed : {R"({"cmd":"saga_action_failed","saga_id":42,"reason":"no room"})",
                                        R"({"cmd":"report_saga_action_failed","reason":"no room","saga_id":42})"}) {
    EXPECT_EQ(of_host<ActionFailed>(failed), (ActionFailed{42, "no room"})) << failed;
  }
  EXPECT_EQ(of_host<ActionFailed>(R"({"cmd":"saga_action_failed","saga_id":42})").reason, "");
  EXPECT_EQ(of_host<Alive>(R"({"cmd":"ui_thread_alive","nonce":5,"frames":60})"),
            (Alive{"ui_thread_alive", 5, R"("frames":60)"}));
}

TEST(HostpipeLine, what_is_wrong_with_a_line_is_said) {
  EXPECT_EQ(mistake_of_host(R"({"kind":"host"})"), "cmd is a string");
  EXPECT_EQ(mistake_of_host(R"({"cmd":7})"), "cmd is a string");
  EXPECT_EQ(mistake_of_host(R"({"cmd":""})"), "cmd is between 1 and 128 bytes long");
  EXPECT_EQ(mistake_of_host(R"({"cmd":"register","pid":17})"), "kind is a string");
  for (const std::string_view pid : {"", R"(,"pid":0)", R"(,"pid":null)"}) {
    EXPECT_EQ(mistake_of_host(R"({"cmd":"register","kind":"host")" + std::string(pid) + "}"),
              "pid is the number of a process");
  }
  EXPECT_EQ(mistake_of_host(R"({"cmd":"register","kind":"host","pid":4294967296})"),
            "pid is an integer between 0 and 4294967295");
  EXPECT_EQ(mistake_of_host(R"({"cmd":"saga_action_failed","reason":"x"})"), "saga_id says which action failed");
  EXPECT_EQ(mistake_of_host(R"({"cmd":"report_x","saga_id":"7"})"),
            "saga_id is an integer between 0 and 18446744073709551615");
  EXPECT_EQ(mistake_of_host(R"({"cmd":"ping","request_id":[1]})"),
            "request_id is a string or a number, at most 128 bytes long");
  EXPECT_NE(mistake_of_host("not JSON"), "none");
  EXPECT_NE(mistake_of_host(R"({"cmd":"ping"}{)"), "none");
  EXPECT_NE(mistake_of_host("{\"cmd\":\"\xff\"}"), "none");
}

TEST(HostpipeLine, a_request_id_is_kept_as_it_was_said) {
  // rule: delivery/I-05
  for (const std::string_view id : {R"("a\u0062")", "7", "-1.5e3"}) {
    const auto line = parse_of_host(R"({"cmd":"ping","request_id":)" + std::string(id) + "}");
    ASSERT_TRUE(line.has_value());
    EXPECT_EQ(line->request_id, id);
    EXPECT_EQ(encode(*line), R"({"cmd":"ping","request_id":)" + std::string(id) + "}");
  }
}

TEST(HostpipeLine, a_payload_becomes_members_where_none_of_them_is_of_the_line) {
  EXPECT_EQ(members_of_event("").value(), "");
  EXPECT_EQ(members_of_event("{}").value(), "");
  EXPECT_EQ(members_of_event(R"({"a": 1, "b": {"version": 2}})").value(), R"("a":1,"b":{"version":2})");
  EXPECT_EQ(members_of_event("[1, 2]").value(), R"("payload":[1,2])");
  EXPECT_EQ(members_of_event("null").value(), R"("payload":null)");
  for (const std::string_view own : {R"({"version":3})", R"({"a":1,"event":"x"})", R"({"kind":"command"})"}) {
    EXPECT_EQ(members_of_event(own).value(), "\"payload\":" + std::string(own));
  }
  EXPECT_EQ(members_of_report("").value(), "");
  EXPECT_EQ(members_of_report("7").value(), R"("result":7)");
  EXPECT_EQ(members_of_report(R"({"cmd":"report_x", "a": 1, "saga_id": 2, "nonce": 3, "b": 4})").value(),
            R"("a":1,"b":4)");
  EXPECT_EQ(object_of(R"("a":1)"), R"({"a":1})");
  EXPECT_EQ(object_of(""), "{}");
}

// Nobody reads a line that has a key twice, or is deeper than JSON may be.
TEST(HostpipeLine, a_payload_that_cannot_be_members_is_one_and_what_no_line_says_is_refused) {
  const std::string twins = R"({"a":1,"a":2})";
  EXPECT_EQ(members_of_event(twins).value(), R"("payload":)" + twins);
  EXPECT_EQ(members_of_report(twins).value(), R"("result":)" + twins);
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  const auto in_list = [](std::string_view members) {
    const Event inner{"x", 1, std::string(members)};
    return encode(Event{"event_list", 1, R"("events":[)" + encode(inner) + "]"});
  };
  std::size_t deepest = 0;
  while (members_of_event(nested(deepest + 1))) ++deepest;
  EXPECT_TRUE(parse_of_launcher(in_list(*members_of_event(nested(deepest)))).has_value());
  EXPECT_GT(deepest, 200u);
  const std::string object = R"({"a":)" + nested(deepest) + "}";
  EXPECT_TRUE(parse_of_launcher(in_list(*members_of_event(object))).has_value());
  for (const std::string& wrong : {std::string("{"), std::string(R"({"a":"x)"), std::string("\"\n\""), std::string(" "),
                                   R"({"a":)" + nested(deepest + 1) + "}"}) {
    EXPECT_EQ(members_of_event(wrong).error().code, Code::json) << wrong;
    EXPECT_EQ(members_of_report(wrong).error().code, Code::json) << wrong;
  }
}

TEST(HostpipeLine, arguments_are_members_and_may_name_the_saga) {
  EXPECT_EQ(read_arguments("")->members, "");
  EXPECT_EQ(read_arguments(R"({"label": "x"})")->members, R"("label":"x")");
  const auto given = read_arguments(R"({"label":"x","saga_id":9})");
  EXPECT_EQ(given->members, R"("label":"x")");
  EXPECT_EQ(given->saga, 9u);
  EXPECT_EQ(read_arguments(R"({"saga_id":null})")->saga, std::nullopt);
  for (const std::string_view wrong : {"[]", "7", R"({"saga_id":0})", R"({"saga_id":"9"})", R"({"cmd":"other"})",
                                       R"({"kind":"event"})", R"({"nonce":1})"}) {
    const auto refused = read_arguments(wrong);
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_EQ(refused.error().code, Code::arguments);
  }
}

TEST(HostpipeLine, arguments_that_are_no_json_are_refused_and_never_a_line_of_their_own) {
  constexpr std::string_view two_lines = R"({"a":["x
{"kind":"command","cmd":"reap_panes","saga_id":7}
"]})";
  for (const std::string_view wrong :
       {two_lines, std::string_view("{"), std::string_view(R"({"a":1)"), std::string_view(R"({"a":"x)"),
        std::string_view(R"({"a":1}{"b":2})"), std::string_view("nonsense"), std::string_view("{\"a\":\"\xff\"}"),
        std::string_view(R"({"a":1,"a":2})")}) {
    const auto refused = read_arguments(wrong);
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_EQ(refused.error().code, Code::arguments);
  }
}

}  // namespace
}  // namespace parley::wire::hostpipe
