#include <parley/actor.h>
#include <parley/parley.h>
#include <cstdio>

using namespace std::chrono_literals;

struct Deposit {
  int amount;
};
struct Balance {};

// An account that falls over when somebody pays in less than nothing.
parley::Task<parley::Result<void>> account(parley::Actor& self, int balance) {
  for (;;) {
    auto message = co_await self.receive<Deposit, parley::Ask<Balance, int>>();
    if (const auto* deposit = std::get_if<Deposit>(&message)) {
      if (deposit->amount < 0) throw std::runtime_error("a deposit of " + std::to_string(deposit->amount));
      balance += deposit->amount;
    } else {
      std::get<parley::Ask<Balance, int>>(message).answer(balance);
    }
  }
}

parley::Task<parley::Result<void>> customer(parley::Actor& self) {
  const parley::ActorRef mine = self.actors().find("account");
  co_await self.monitor(mine);
  co_await mine.send(Deposit{20});
  std::printf("balance %d\n", co_await co_await self.ask<int>(mine, Balance{}, 1s));

  co_await mine.send(Deposit{-1});
  const auto lost = co_await self.ask<int>(mine, Balance{}, 1s);
  std::printf("%s\n", to_string(lost.error()).c_str());
  const auto exited = co_await self.receive<parley::Exited>();
  std::printf("the account: %s\n", to_string(exited.reason).c_str());

  co_await parley::Sleep(self.actors().loop(), 50ms);
  std::printf("balance %d\n", co_await co_await self.ask<int>(self.actors().find("account"), Balance{}, 1s));
  co_return {};
}

parley::Task<void> until_done(parley::Actors& actors) {
  parley::Guest guest(actors);
  const auto bank = parley::spawn_supervisor(actors, {.restarts_max = 3, .within = 1min},
                                             parley::child({.name = "account"}, account, 100))
                        .value();
  co_await parley::Sleep(actors.loop(), 1ms);
  guest->monitor(actors.spawn(customer).value()).value();
  const auto exited = co_await guest->receive<parley::Exited>();
  std::printf("the customer: %s\n", to_string(exited.reason).c_str());
}

int main() {
  parley::Loop loop;
  parley::Actors actors(loop);
  loop.run_until(until_done(actors));
}
