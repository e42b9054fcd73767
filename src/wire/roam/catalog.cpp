#include "wire/roam/catalog.h"

namespace parley::wire::roam {

Result<void> Catalog::add(const std::string& name, codec::ServiceDescription description) {
  PARLEY_TRY(auto made, codec::Transcoder::make(std::move(description)));
  services_.push_back(std::make_unique<codec::Transcoder>(std::move(made)));
  const codec::Transcoder& service = *services_.back();
  for (const codec::MethodDescription& method : service.description().methods) {
    methods_.emplace(method.id, Method{&service, &method, name});
  }
  return {};
}

const Catalog::Method* Catalog::find(std::uint64_t id) const {
  const auto found = methods_.find(id);
  return found == methods_.end() ? nullptr : &found->second;
}

}  // namespace parley::wire::roam
