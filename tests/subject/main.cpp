// The conformance subject: one side of a test between Parley and another implementation of roam 7.x.
#include <cstdio>

#include "subject/settings.h"
#include "subject/subject.h"

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (argc == 2 && (first == "--help" || first == "-h")) {
    std::fputs(subject::usage.data(), stdout);
    return 0;
  }
  if (argc > 1) {
    std::fputs(subject::usage.data(), stderr);
    return 2;
  }
  testbed::TestbedService service;
  return subject::run(service);
}
