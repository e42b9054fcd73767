#include <parley/parley.h>
#include <cstdio>
#include <stdexcept>

using namespace std::chrono_literals;

class Account {
 public:
  virtual parley::Task<parley::Result<std::int64_t>> withdraw(std::int64_t cents) = 0;
};
PARLEY_SERVICE(Account, (withdraw, args(cents)));

struct AccountService final : Account {
  std::int64_t balance = 1000;
  parley::Task<parley::Result<std::int64_t>> withdraw(std::int64_t cents) override {
    if (cents <= 0)
      throw std::invalid_argument("nothing to withdraw");  // a defect of the caller, and it stays one call
    if (cents > balance) co_return parley::fail(parley::Code::refused, "there are only " + std::to_string(balance));
    co_return balance -= cents;
  }
};

// Tries again where that is safe, and says what must be asked where it is not.
parley::Task<parley::Result<std::int64_t>> withdraw(parley::Loop& loop, parley::Client<Account> account,
                                                    std::int64_t cents) {
  for (parley::Duration wait = 10ms;; wait *= 2) {
    auto balance = co_await account.call<&Account::withdraw>(cents);
    if (balance) co_return *balance;
    switch (kind(balance.error())) {
      case parley::Kind::lost:        // it did not happen
      case parley::Kind::overloaded:  // it did not happen, and will not if we hurry
        if (wait > 1s) co_return parley::fail(balance.error());
        co_await parley::Sleep(loop, wait);
        break;
      case parley::Kind::unknown:  // it may have happened: whoever repeats it may pay twice
      default: co_return parley::fail(balance.error());
    }
  }
}

parley::Task<parley::Result<void>> use(parley::Loop& loop) {
  auto session = co_await co_await parley::connect(loop, "mem:account");
  auto account = session->client<Account>("Account");
  for (std::int64_t cents : {300, 900, -5}) {
    auto balance = co_await withdraw(loop, account, cents);
    if (balance) std::printf("%ld left\n", *balance);
    if (!balance) std::printf("%s\n", to_string(balance.error()).c_str());
  }
  session->close();
  auto closed = co_await account.call<&Account::withdraw>(1);
  std::printf("%u %s\n", static_cast<unsigned>(closed.error().code), to_string(closed.error()).c_str());
  co_return {};
}

int main() {
  AccountService service;
  parley::Loop loop;
  auto server = parley::listen(loop, "mem:account").value();
  server.serve<Account>("Account", service).value();
  auto used = loop.run_until(use(loop));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
