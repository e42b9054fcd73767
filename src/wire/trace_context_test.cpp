#include "wire/trace_context.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace rc {

template <>
struct Arbitrary<parley::wire::TraceContext> {
  static Gen<parley::wire::TraceContext> arbitrary() {
    using parley::wire::TraceContext;
    return gen::build<TraceContext>(gen::set(&TraceContext::trace_high), gen::set(&TraceContext::trace_low),
                                    gen::set(&TraceContext::span), gen::set(&TraceContext::is_sampled));
  }
};

}  // namespace rc

namespace parley::wire {
namespace {

TEST(TraceContext, reads_what_the_standard_shows) {
  const auto context = read_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_high, 0x4bf92f3577b34da6u);
  EXPECT_EQ(context->trace_low, 0xa3ce929d0e0e4736u);
  EXPECT_EQ(context->span, 0x00f067aa0ba902b7u);
  EXPECT_TRUE(context->is_sampled);
  EXPECT_EQ(context->trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(span_id(context->span), "00f067aa0ba902b7");
  EXPECT_EQ(to_traceparent(*context), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
}

TEST(TraceContext, other_flags_are_not_passed_on) {
  const auto context = read_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe");
  ASSERT_TRUE(context);
  EXPECT_FALSE(context->is_sampled);
  EXPECT_EQ(to_traceparent(*context), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
}

TEST(TraceContext, of_a_later_version_the_known_part_is_read) {
  EXPECT_TRUE(read_traceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_TRUE(read_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes"));
  EXPECT_FALSE(read_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-comes"));
}

TEST(TraceContext, what_is_none_is_none) {
  const char* const wrong[] = {
      "",
      "00",
      "00-",
      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",    // no version
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",    // no trace
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",    // no span
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",    // upper case
      "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",     // short
      "00-4bf92f3577b34da6a3ce929d0e0e47366-00f067aa0ba902b7-01",   // long
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",     // cut off
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",  // version 0 ends here
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
      " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
      "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
  };
  for (const char* const text : wrong) EXPECT_FALSE(read_traceparent(text)) << text;
}

RC_GTEST_PROP(TraceContextProperty, comes_back_as_it_was, (TraceContext context)) {
  RC_PRE((context.trace_high | context.trace_low) != 0 && context.span != 0);
  RC_ASSERT(read_traceparent(to_traceparent(context)) == context);
}

}  // namespace
}  // namespace parley::wire
