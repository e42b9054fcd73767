#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "codec/dynamic.h"

namespace parley::wire::roam {

// The descriptions by which messages are read that were not made here: methods by the ids that calls have.
class Catalog {
 public:
  struct Method {
    const codec::Transcoder* service = nullptr;
    const codec::MethodDescription* method = nullptr;
    std::string name;  // of its service
  };

  // Of two descriptions of one method the first counts. Errors: response (a description that is none).
  Result<void> add(const std::string& name, codec::ServiceDescription description);
  // Null: it is not described.
  const Method* find(std::uint64_t id) const;

 private:
  std::vector<std::unique_ptr<codec::Transcoder>> services_;
  std::unordered_map<std::uint64_t, Method> methods_;
};

}  // namespace parley::wire::roam
