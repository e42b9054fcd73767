#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "codec/description.h"
#include "codec/either.h"
#include "runtime/connection.h"
#include "runtime/service.h"

namespace parley {

struct ServiceEntry {
  std::string name;     // under which it is served
  std::string service;  // its class

  bool operator==(const ServiceEntry&) const = default;
};

// Nothing of that name is served.
struct NoSuchService {
  std::string name;
  std::string nearest;  // a name that may have been meant, or nothing

  bool operator==(const NoSuchService&) const = default;
};

// parley.Describe: what the other end serves. Every session answers it, without anybody serving it, for the Services
// that its end was given; what is asked for is described only then. `session->client<Describe>("parley.Describe")`.
class Describe {
 public:
  virtual Task<std::vector<ServiceEntry>> services() = 0;
  // A description from a peer is to be looked at with codec::check before it is used; a Transcoder does that.
  virtual Task<Either<codec::ServiceDescription, NoSuchService>> describe(std::string name) = 0;

 protected:
  ~Describe() = default;
};
PARLEY_SERVICE(Describe, (services, describe("The services of this end"), idempotent),
               (describe, args(name), describe("The methods and types of one of them"), idempotent));

namespace runtime {

class MethodTable;

// Answers a call of a method of parley.*, for what the table lists; null is a table without anything. False: it is
// none, and nothing has been done.
bool is_builtin(std::uint64_t method);
std::string_view builtin_name(std::uint64_t method);  // empty for one that is none
bool answer_builtin(Connection& connection, const MethodTable* table, std::uint64_t method, const InboundHead& head);

}  // namespace runtime

}  // namespace parley
