#include "runtime/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "codec/dynamic.h"
#include "runtime/description_service.h"
#include "runtime/probe_suite.h"

// What a class says of itself as a service.
namespace parley::runtime {
namespace {

using suite::Probe;

const codec::MethodDescription& method_of(const codec::ServiceDescription& service, std::string_view name) {
  return *std::ranges::find(service.methods, name, &codec::MethodDescription::name);
}

TEST(Describe, a_method_has_its_id_and_what_the_macro_says) {
  const codec::ServiceDescription probe = describe<Probe>();
  EXPECT_EQ(probe.name, "Probe");
  EXPECT_EQ(probe.methods.size(), std::tuple_size_v<decltype(service::methods_of<Probe>())>);
  const codec::MethodDescription& add = method_of(probe, "add");
  EXPECT_EQ(add.id, (service::MethodInfo<&Probe::add>::id));
  EXPECT_TRUE(add.is_idempotent);
  EXPECT_EQ(add.arguments[1].name, "b");
  EXPECT_EQ(codec::type_words(probe, add.result), "i64");
  EXPECT_FALSE(method_of(probe, "divide").is_idempotent);
  EXPECT_EQ(method_of(describe<Describe>(), "services").description, "The services of this end");
}

TEST(Describe, results_errors_and_contexts_are_what_the_wire_has) {
  const codec::ServiceDescription probe = describe<Probe>();
  const codec::MethodDescription& judge = method_of(probe, "judge");
  EXPECT_EQ(codec::type_words(probe, judge.result), "i64");
  EXPECT_EQ(codec::type_words(probe, *judge.own_error), "enum MathError");
  EXPECT_EQ(method_of(probe, "inspect").arguments.size(), 2u);
  EXPECT_EQ(codec::type_words(probe, method_of(probe, "view").arguments[0].type), "text");
  const codec::MethodDescription& generate = method_of(probe, "generate");
  EXPECT_EQ(codec::type_words(probe, generate.arguments[1].type), "Tx of i32");
  EXPECT_EQ(probe.types[generate.arguments[1].type].count, 256u);
}

TEST(Describe, what_we_say_of_ourselves_passes_our_own_check) {
  EXPECT_TRUE(codec::check(describe<Probe>()));
  EXPECT_TRUE(codec::Transcoder::make(describe<Probe>()));
  EXPECT_TRUE(codec::Transcoder::make(describe<Describe>()));
}

}  // namespace
}  // namespace parley::runtime
