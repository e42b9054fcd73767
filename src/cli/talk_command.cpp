#include "cli/talk_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "async/wait.h"
#include "cli/feed.h"
#include "cli/hub_session.h"
#include "cli/input_file.h"
#include "cli/payload.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "codec/json_object.h"
#include "codec/json_text.h"
#include "core/directory/name.h"
#include "os/terminal.h"
#include "os/termination.h"
#include "runtime/builtin.h"
#include "runtime/conversations/conversation.h"

namespace parley::cli {

namespace {

// Whoever answers may be a person.
constexpr Duration without_deadline = std::chrono::hours(24);
// Messages that are on their way at once; then no more lines are read.
constexpr std::uint64_t unanswered_max = 256;
constexpr std::size_t message_bytes_max = core::ConversationLimits().message_bytes_max;

// "3.2 ms ago"; what was in the same moment has no time.
std::string in_ms(Duration time, std::string_view after, std::string_view at_once) {
  if (time <= Duration::zero()) return std::string(at_once);
  return fmt::format("{:.1f} ms {}", std::chrono::duration<double, std::milli>(time).count(), after);
}

std::string in_duration(Duration time) {
  std::string text;
  codec::put_duration(text, time.count());
  return text;
}

std::string quoted(std::string_view text) {
  std::string out;
  codec::put_quoted(out, text);
  return out;
}

// Somebody who takes part, for people.
std::string name_of(core::Conversation::Participant who, const std::string& name) {
  return name.empty() ? fmt::format("participant {}", who) : name;
}

class Talking {
 public:
  Talking(const Common& common, const TalkCommand& command, io::Loop& loop, Session& session)
      : common_(common),
        command_(command),
        loop_(loop),
        session_(session),
        names_who_replies_(os::terminal_size().has_value()),
        scope_(loop.executor()) {}

  int run() {
    const os::Termination termination([this] { loop_.post([this] { over_.set(); }); });
    scope_.spawn(talk());
    loop_.run_until([](Event& over) -> Task<void> { co_await over.wait(); }(over_));
    if (exit_) return *exit_;
    if (unanswered_ == 0) return code(Exit::ok);
    const Error cancelled{Code::cancelled,
                          fmt::format("{} not answered yet",
                                      unanswered_ == 1 ? "1 message is" : fmt::format("{} messages are", unanswered_))};
    complain(cancelled);
    return exit_of(cancelled);
  }

 private:
  Task<void> talk() {
    auto opened = co_await Conversation::open(session_.runtime(), opening());
    if (!opened) {
      exit_ = co_await explain_opening(std::move(opened).error());
      over_.set();
      co_return;
    }
    conversation_.emplace(*std::move(opened));
    co_await introduce();
    scope_.spawn(follow());
    scope_.spawn(read());
    while (!is_input_over_ && !is_over_) co_await change();
    // What is on its way may still be answered, and those who look see that nothing more is coming.
    if (unanswered_ != 0 && !is_over_) static_cast<void>(co_await conversation_->complete());
    while (unanswered_ != 0) co_await change();
    const auto closed = co_await conversation_->close();
    while (!is_all_heard_) co_await change();
    exit_ = outcome(closed);
    over_.set();
  }

  ConversationOpening opening() const {
    ConversationOpening opening{.subject = command_.subject};
    if (command_.on_crash == "route_to_next") opening.on_crash = OnCrash::route_to_next;
    if (command_.deadline_s) {
      opening.deadline = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*command_.deadline_s));
    }
    return opening;
  }

  // With whom.
  Task<void> introduce() {
    Client<builtin::Conversations> service(session_.runtime());
    std::vector<builtin::ConversationPart> parts;
    const auto open = co_await service.with({.deadline = patience, .metadata = {}})
                          .call<&builtin::Conversations::list>(conversation_->id());
    if (open && !open->empty() && open->front().id == conversation_->id()) parts = open->front().participants;
    if (common_.json) {
      std::string people;
      for (const builtin::ConversationPart& each : parts) {
        people += fmt::format("{}{{\"who\":{},\"name\":{}}}", people.empty() ? "" : ",", each.who, quoted(each.name));
      }
      say(fmt::format("{{\"what\":\"opened\",\"conversation\":{},\"subject\":{},\"participants\":[{}]}}",
                      conversation_->id(), quoted(command_.subject), people));
      co_return;
    }
    std::vector<std::string> names;
    for (const builtin::ConversationPart& each : parts) names.push_back(name_of(each.who, each.name));
    const bool is_typed = os::is_terminal_of_errors() && !command_.ask;
    warn(fmt::format("conversation {} on {} with {}", conversation_->id(), command_.subject, fmt::join(names, ", ")),
         is_typed ? "each line is a message; Ctrl-D ends it in good order, Ctrl-C at once" : "");
  }

  // --- what is said

  Task<void> read() {
    if (command_.ask) {
      begin(*command_.ask);
    } else if (auto feed = Feed::open(loop_, "-"); feed) {
      while (auto line = co_await (*feed)->next()) {
        begin(*std::move(line));
        while (unanswered_ >= unanswered_max) co_await change();
        if (is_over_) co_return;
      }
      if (!(*feed)->is_whole()) {
        unanswered_because_ = {Code::not_found, "standard input cannot be read to its end"};
        warn(unanswered_because_->note);
      }
    }
    is_input_over_ = true;
    changed_.set();
  }

  void begin(std::string line) {
    const std::uint64_t number = ++said_;
    if (command_.json_payload) {
      if (const auto good = codec::check_json(line); !good) return tell_unanswered(number, good.error());
    }
    ++unanswered_;
    scope_.spawn(exchange(number, std::move(line)));
  }

  Task<void> exchange(std::uint64_t number, std::string line) {
    Envelope message{.id = fmt::format("{}", number), .payload = payload_of(line)};
    const auto reply = co_await conversation_->exchange(std::move(message), without_deadline);
    --unanswered_;
    if (reply) {
      tell(*reply);
    } else {
      tell_unanswered(number, reply.error());
    }
    changed_.set();
  }

  void tell(const builtin::Received& reply) {
    const std::string who = name_of(reply.from, reply.name);
    if (common_.json) {
      say(fmt::format("{{\"what\":\"{}\",\"request\":{},\"who\":{},\"name\":{}{}{}}}", reply.message ? "reply" : "done",
                      reply.request, reply.from, quoted(reply.name), reply.message ? "," : "",
                      reply.message ? payload_member(reply.message->payload, command_.json_payload) : ""));
    } else if (!reply.message) {
      warn(fmt::format("{} is done with message {}, and says nothing to it", who, reply.request));
    } else {
      const std::string_view text = as_text(reply.message->payload);
      say(names_who_replies_ ? fmt::format("{}: {}", who, text) : std::string(text));
    }
    if (!is_said()) over_.set();
  }

  // The first of these decides about how the program ends.
  void tell_unanswered(std::uint64_t number, const Error& why) {
    const bool is_told = unanswered_because_ == why;
    if (!unanswered_because_) unanswered_because_ = why;
    if (common_.json) {
      say(fmt::format("{{\"what\":\"unanswered\",\"message\":{},\"why\":{},\"kind\":\"{}\",\"code\":{}}}", number,
                      quoted(to_string(why)), to_string(kind(why)), static_cast<std::uint32_t>(why.code)));
      return;
    }
    warn(
        fmt::format("message {} is not answered: {}", number, is_told ? "the same" : to_string(why)),
        why.code == Code::json ? "--json-payload wants one text of JSON a line, such as {\"a\": 1} or \"a text\"" : "");
  }

  // --- what happens

  Task<void> follow() {
    while (const auto happening = co_await conversation_->happening()) {
      tell(*happening);
      if (core::is_end(happening->phase)) {
        is_over_ = true;
        changed_.set();
      }
    }
    is_over_ = is_all_heard_ = true;
    changed_.set();
  }

  void tell(const Happening& happening) {
    using What = Happening::What;
    if (happening.missed != 0) {
      warn(fmt::format("{} things happened that were not told, because too many did at once", happening.missed));
    }
    switch (happening.what) {
      case What::opened: return;  // introduce() has said it
      case What::moved: return tell_phase(happening.phase);
      case What::ended: return tell_end(happening.end);
      case What::rerouted: return tell_reroute(happening);
    }
  }
  void tell_phase(Phase phase) const {
    if (common_.json) {
      say(fmt::format("{{\"what\":\"moved\",\"phase\":\"{}\"}}", to_string(phase)));
    } else {
      warn(fmt::format("the conversation is {}", phase == Phase::failed ? "over: it has failed" : to_string(phase)));
    }
  }
  void tell_end(const ParticipantEnd& end) {
    const ExitReason reason{end.kind, end.text};
    ended_at_ = loop_.now() - end.ago;
    if (common_.json) {
      say(fmt::format("{{\"what\":\"ended\",\"who\":{},\"name\":{},\"is_crash\":{},\"reason\":{},\"ago\":\"{}\"}}",
                      end.who, quoted(end.name), reason.is_crash(), quoted(to_string(reason)), in_duration(end.ago)));
    } else {
      warn(fmt::format("{} has {}: {}, {}", name_of(end.who, end.name), reason.is_crash() ? "crashed" : "ended",
                       to_string(reason), in_ms(end.ago, "ago", "just now")));
    }
  }
  void tell_reroute(const Happening& happening) const {
    const Duration after = ended_at_ ? loop_.now() - *ended_at_ : Duration::zero();
    if (common_.json) {
      say(fmt::format("{{\"what\":\"rerouted\",\"request\":{},\"who\":{},\"name\":{},\"after\":\"{}\"}}",
                      happening.request, happening.to, quoted(happening.name), in_duration(after)));
    } else {
      warn(fmt::format("message {} goes to {}, {}, marked as repeated", happening.request,
                       name_of(happening.to, happening.name), in_ms(after, "after that", "at once")));
    }
  }

  // --- how it ends

  int outcome(const Result<void>& closed) const {
    if (!session_.is_open()) return give_up(hub_has_gone());
    if (closed) return unanswered_because_ ? exit_of(*unanswered_because_) : code(Exit::ok);
    const Error& why = closed.error();
    std::string_view hint;
    if (why.code == Code::deadline) hint = "--deadline SECONDS gives it longer";
    if (why.code == Code::sent_then_lost && command_.on_crash == "fail") {
      hint = "--on-crash route_to_next goes on with another one, who may do again what was done";
    }
    complain(why, hint);
    return exit_of(unanswered_because_.value_or(why));
  }

  Task<int> explain_opening(Error why) {
    if (!session_.is_open()) co_return give_up(hub_has_gone());
    std::string hint;
    if (why.code == Code::not_found) {
      hint = "`parley list` shows what is offered";
      auto directory = session_.client<builtin::Directory>(builtin::directory_name).with({.deadline = patience});
      if (const auto entries = co_await directory.call<&builtin::Directory::list>()) {
        std::vector<std::string_view> names;
        for (const builtin::DirectoryEntry& each : *entries) names.push_back(each.name);
        const std::string_view near = codec::nearest_name(command_.subject, names.data(), names.size());
        if (!near.empty() && near != command_.subject) hint = fmt::format("did you mean {}?", near);
      }
    }
    complain(why, hint);
    co_return exit_of(why);
  }

  Task<void> change() {
    changed_.reset();
    co_await changed_.wait();
  }

  const Common& common_;
  const TalkCommand& command_;
  io::Loop& loop_;
  Session& session_;
  const bool names_who_replies_;
  std::optional<Conversation> conversation_;
  std::uint64_t said_ = 0;        // messages
  std::uint64_t unanswered_ = 0;  // of these
  bool is_input_over_ = false;
  bool is_over_ = false;       // the conversation
  bool is_all_heard_ = false;  // that happened in it
  std::optional<Error> unanswered_because_;
  std::optional<Instant> ended_at_;  // who ended last
  std::optional<int> exit_;          // nothing: it was interrupted
  Event changed_;
  Event over_;
  Scope scope_;
};

}  // namespace

int run_talk(const Common& common, const TalkCommand& command) {
  if (const auto named = core::check_name(command.subject); !named) return give_up(named.error());
  TalkCommand asked = command;
  if (command.ask == "-") {
    auto whole = read_input("-", message_bytes_max);
    if (!whole) return give_up(whole.error());
    asked.ask = *std::move(whole);
    if (asked.ask->ends_with('\n')) asked.ask->pop_back();
  }
  if (asked.ask && command.json_payload) {
    if (const auto good = codec::check_json(*asked.ask); !good) {
      complain(fmt::format("the message: {}", good.error().note),
               "it is one text of JSON, in quotes: '{\"a\": 1}'; a text has its own: '\"hello\"'", &good.error());
      return code(Exit::usage);
    }
  }
  return with_hub(common,
                  [&](io::Loop& loop, Session& session) { return Talking(common, asked, loop, session).run(); });
}

}  // namespace parley::cli
