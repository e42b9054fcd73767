#include <cstdio>
#include <string>

#include "parley/parley.h"

// A worker that has secrets, for the test that looks for them in everything that is printed: it says one beside its
// hello, gets one beside each call and says one beside each answer, and calls itself through the hub with one.
//
// Usage: secret_worker HUB_ADDRESS TRACE_FILE TOKEN SECRET
class Vault {
 public:
  virtual parley::Task<std::string> look(parley::Context& context) = 0;
  virtual parley::Task<parley::Result<std::string>> refuse(parley::Context& context) = 0;
  virtual parley::Task<parley::Result<std::string>> ask(parley::Context& context) = 0;
  virtual parley::Task<std::string> blow_up(parley::Context& context) = 0;
};
PARLEY_SERVICE(Vault, look, refuse, ask, blow_up);

namespace {

class Secretive final : public Vault {
 public:
  Secretive(parley::Session*& session, std::string secret) : session_(session), secret_(std::move(secret)) {}

  parley::Task<std::string> look(parley::Context& context) override {
    tell(context);
    co_return to_string(context.metadata());
  }
  parley::Task<parley::Result<std::string>> refuse(parley::Context& context) override {
    tell(context);
    co_return parley::fail(parley::Code::permission, to_string(context.metadata()));
  }
  parley::Task<parley::Result<std::string>> ask(parley::Context& context) override {
    tell(context);
    parley::CallOptions options = context.forward({.metadata = secrets()});
    auto looked = session_->client<Vault>("Vault").with(std::move(options)).call<&Vault::look>();
    parley::Detailed<std::string> seen = co_await looked.detailed();
    if (!seen.result) co_return parley::fail(seen.result.error());
    std::printf("answered: %s\n", to_string(seen.metadata).c_str());
    std::fflush(stdout);
    co_return *seen.result;
  }
  parley::Task<std::string> blow_up(parley::Context& context) override {
    tell(context);
    throw to_string(context.metadata());
    co_return "";
  }

 private:
  parley::Metadata secrets() const { return {{"card", secret_, parley::Metadata::sensitive}, {"open", "plain-word"}}; }
  void tell(parley::Context& context) {
    std::printf("asked: %s\n", to_string(context.metadata()).c_str());
    std::fflush(stdout);
    context.reply_metadata() = secrets();
  }
  parley::Session*& session_;
  const std::string secret_;
};

parley::Task<parley::Result<void>> offer(parley::Loop& loop, std::string hub, parley::Options options,
                                         parley::Session*& offered) {
  auto session = co_await co_await parley::connect(loop, std::move(hub), std::move(options));
  offered = session.get();
  std::puts("offered"), std::fflush(stdout);
  co_return co_await session->closed();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fputs("Usage: secret_worker HUB_ADDRESS TRACE_FILE TOKEN SECRET\n", stderr), 2;
  auto file = parley::TraceFile::open(argv[2]);
  if (!file) return std::fprintf(stderr, "%s\n", to_string(file.error()).c_str()), 2;
  const auto tracing = std::make_shared<parley::Tracing>(*file);
  parley::Session* session = nullptr;
  Secretive secretive(session, argv[4]);
  parley::Loop loop;
  parley::Services services;
  services.intercept(tracing);
  if (auto served = services.serve<Vault>("Vault", secretive); !served) return 2;
  parley::Options options;
  options.token = argv[3];
  options.metadata.add("card", std::string(argv[4]), parley::Metadata::sensitive);
  options.interceptors = {tracing};
  options.services = &services;
  options.offer = true;
  auto ended = loop.run_until(offer(loop, argv[1], std::move(options), session));
  if (!ended) return std::fprintf(stderr, "%s\n", to_string(ended.error()).c_str()), 1;
}
