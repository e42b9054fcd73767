#include "net/unix_address.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "net/descriptor.h"

namespace parley::net {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string_view name_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? std::string_view(path) : std::string_view(path).substr(slash + 1);
}

// The zero behind the text has to fit too: not every tool that shows sockets gets along without it.
bool UnixAddress::put(std::string_view text) {
  if (text.size() >= sizeof address_.sun_path) return false;
  address_.sun_family = AF_UNIX;
  std::memcpy(address_.sun_path, text.data(), text.size());
  address_.sun_path[text.size()] = '\0';
  size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + 1);
  return true;
}

Result<UnixAddress> UnixAddress::in(int directory, std::string_view name, const std::string& path) {
  UnixAddress address;
  if (address.put(path)) return address;
  const std::string detour = fmt::format("/proc/self/fd/{}/", directory);
  if (address.put(detour + std::string(name))) return address;
  return fail(Code::uri, fmt::format("unix:{}: the file name has {} bytes and may have {}", path, name.size(),
                                     sizeof address.address_.sun_path - 1 - detour.size()));
}

Result<UnixAddress> UnixAddress::of(const std::string& path) {
  UnixAddress address;
  if (address.put(path)) return address;
  io::Descriptor directory = own(::open(directory_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail(system_error(code_of(errno), "unix:" + path, errno));
  PARLEY_TRY(address, in(directory.number(), name_of(path), path));
  address.directory_ = std::move(directory);
  return address;
}

}  // namespace parley::net
