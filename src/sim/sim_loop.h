#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/loop.h"

namespace parley::sim {

// The loop of a simulated world. Once a network is attached every address leads there, whatever its scheme, and nothing
// real is touched: `sim:name`, and unix:, tcp: and mem: as io/uri.h has them. An address is reached under the text that
// is listened at; a tcp: port 0 becomes one that nobody has. Errors: uri, and unsupported for stdio: and fd:.
class SimLoop final : public io::Loop {
 public:
  class Network {
   public:
    virtual Result<std::unique_ptr<io::Listener>> listen(std::string address) = 0;
    virtual std::unique_ptr<io::Dialer> dialer(std::string address) = 0;

   protected:
    ~Network() = default;
  };
  using io::Loop::Loop;

  // Null detaches it.
  void set_network(Network* network) { network_ = network; }

  Result<std::unique_ptr<io::Listener>> listen(std::string_view uri) override;
  Result<std::unique_ptr<io::Dialer>> dialer(std::string_view uri) override;

 private:
  static constexpr std::uint16_t first_free_port = 49152;
  Result<std::string> place_of(std::string_view text, bool is_listening);

  Network* network_ = nullptr;
  std::uint16_t next_port_ = first_free_port;
};

}  // namespace parley::sim
