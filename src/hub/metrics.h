#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hub/services.h"
#include "hub/web.h"

namespace parley::hub {

// One number that a hub tells of itself; docs/OPERATING.md, section 6.
struct Metric {
  std::string name;  // "door_streams"
  std::uint64_t value = 0;
  bool is_gauge = false;                           // a number of what is there now, and no count from the beginning
  std::pair<std::string, std::string> label = {};  // "protocol", "http"; or none
};

// All of them; those with a label stand together.
std::vector<Metric> metrics_of(const HubState& hub);
// As Prometheus reads them, version 0.0.4 of its text.
std::string prometheus_text(const std::vector<Metric>& metrics);

// GET /health and /ready, of which everybody may ask who reaches the hub, and /metrics, for who may operate it.
void add_health_pages(Web& web, HubState& hub);

}  // namespace parley::hub
