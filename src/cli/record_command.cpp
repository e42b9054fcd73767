#include <fmt/format.h>

#include <chrono>

#include "cli/address.h"
#include "cli/hub_session.h"
#include "cli/record_commands.h"
#include "cli/recorder.h"
#include "cli/terminal.h"
#include "cli/token.h"
#include "cli/trusted.h"
#include "face/loop.h"
#include "io/uri.h"
#include "os/termination.h"
#include "os/user.h"

namespace parley::cli {

namespace {

constexpr Duration last_descriptions_max = std::chrono::seconds(1);

int cannot_lead(const RecordCommand& command, const std::string& to, const Error& error) {
  if (!command.to) {
    const NoHub none = no_session(to, error);
    complain(none.why, "start one with `parley hub`, or say where to lead clients: --to ADDRESS", &error);
    return code(none.exit);
  }
  complain(fmt::format("nobody at {}: {}", to, to_string(error)),
           "start it first, or say where else to lead clients: --to ADDRESS", &error);
  return error.code == Code::uri ? code(Exit::usage) : code(Exit::no_hub);
}

int cannot_listen(const std::string& address, const Error& error) {
  complain(fmt::format("cannot listen at {}: {}", address, to_string(error)),
           error.code == Code::uri ? addresses_look_like : "choose another address with --listen", &error);
  return error.code == Code::uri ? code(Exit::usage) : exit_of(error);
}

int cannot_write(const Error& error) {
  complain(error.note,
           error.code == Code::in_use ? "recordings are not overwritten: take another name, or remove it first"
                                      : "say a file in a directory that is there and yours",
           &error);
  return exit_of(error);
}

// Whoever came to a port would be at the other end as us: over a Unix socket as our user, over TLS as the subject of
// our certificate.
bool lets_anybody_in(const std::string& listen, const std::string& to, const io::TlsOptions& tls) {
  const auto here = io::parse_uri(listen);
  const auto there = io::parse_uri(to);
  if (!here || !here->has_port() || !there) return false;
  const bool is_tls = there->kind == io::Uri::Kind::tls || there->kind == io::Uri::Kind::websocket_tls;
  return !there->has_port() || (is_tls && !tls.certificate.empty());
}

// Until there are descriptions of all that was called, but not for long.
Task<void> wait_for(Describing& describing, io::Loop& loop) {
  Event over;
  Scope scope(loop.executor());
  scope.spawn([](Describing& asked, Event& told) -> Task<void> {
    co_await asked.settled();
    told.set();
  }(describing, over));
  scope.spawn([](io::Loop& slept, Event& told) -> Task<void> {
    co_await Sleep(slept.executor(), last_descriptions_max);
    told.set();
  }(loop, over));
  co_await over.wait();
}

}  // namespace

int run_record(const Common& common, const RecordCommand& command) {
  if (command.file == "-") {
    complain("a recording goes to a file, and not to standard output",
             "say the name of one: parley record FILE --listen ADDRESS");
    return code(Exit::usage);
  }
  auto token = client_token(common.token_file);
  if (!token) {
    complain(fmt::format("the token: {}", to_string(token.error())), {}, &token.error());
    return code(Exit::usage);
  }
  const std::string to = command.to ? *command.to : hub_address(std::nullopt);
  const io::TlsOptions tls = tls_of_environment();
  if (lets_anybody_in(command.listen, to, tls)) {
    complain(fmt::format("whoever reaches {} would come to {} as you", command.listen, to),
             "listen at --listen unix:PATH, or lead to a port, without PARLEY_TLS_CERTIFICATE: there a token tells who "
             "comes");
    return code(Exit::usage);
  }
  Loop loop({.tls = tls});
  const os::Termination termination([&loop] { loop.stop(); });
  auto stream = loop.run_until(dial_trusted(loop, to));
  if (!stream) return cannot_lead(command, to, stream.error());
  const auto listener = loop.listen(command.listen);
  if (!listener) return cannot_listen(command.listen, listener.error());
  const auto unix_us = std::chrono::duration_cast<std::chrono::microseconds>(loop.clock().wall().time_since_epoch());
  auto writer = RecordingWriter::create(command.file,
                                        {.unix_us = static_cast<std::uint64_t>(unix_us.count()),
                                         .program = fmt::format("parley {}", PARLEY_VERSION),
                                         .listen = (*listener)->address(),
                                         .to = to},
                                        command.mebibytes_max << 20);
  if (!writer) return cannot_write(writer.error());
  Recorder recorder(loop, to, *writer);
  recorder.describing().start(std::move(*stream), std::move(*token));
  loop.run_until(wait_for(recorder.describing(), loop));
  if (const auto& why = recorder.describing().failure()) {
    warn(fmt::format("{} describes nothing: {}", to, to_string(*why)), "its calls are shown without names and values");
  }
  recorder.start(**listener);
  if (!command.quiet) {
    say(fmt::format("record: listens at {}, leads to {}, writes {} (process {})", (*listener)->address(), to,
                    command.file, os::process_id()));
  }
  loop.run();
  loop.run_until(wait_for(recorder.describing(), loop));
  if (const auto& why = recorder.failure()) {
    complain(fmt::format("record: cannot listen any more: {}", to_string(*why)), {}, &*why);
    return exit_of(*why);
  }
  if (!command.quiet) {
    const std::string refused =
        recorder.refused() == 0 ? std::string() : fmt::format(" ({} more were too many)", recorder.refused());
    say(fmt::format("record: ended; {} streams{}, {} records, {} bytes in {}", recorder.streams(), refused,
                    writer->records(), writer->bytes(), command.file));
  }
  return code(Exit::ok);
}

}  // namespace parley::cli
