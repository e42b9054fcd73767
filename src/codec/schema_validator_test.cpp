#include "codec/schema_validator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "codec/described_suite.h"
#include "codec/json.h"
#include "codec/json_schema.h"
#include "codec/random_types_suite.h"
#include "codec/random_value_suite.h"

namespace parley::codec {
namespace {

using testing::HasSubstr;

constexpr JsonSchema::Options more = {.allows_more = true};

// The note of what does not fit; nothing where the value fits.
std::string misfit(std::string_view schema, std::string_view value) {
  const auto compiled = JsonSchema::compile(schema);
  if (!compiled) return "no schema: " + compiled.error().note;
  const Result<void> fits = compiled->validate(value);
  if (fits) return {};
  EXPECT_EQ(fits.error().code, Code::arguments);
  return fits.error().note;
}
bool fits(std::string_view schema, std::string_view value) {
  const std::string note = misfit(schema, value);
  EXPECT_THAT(note, testing::Not(HasSubstr("no schema: ")));
  return note.empty();
}
std::string refusal(std::string_view schema, JsonSchema::Options options = {}) {
  const auto compiled = JsonSchema::compile(schema, options);
  if (compiled) return "it is one";
  EXPECT_EQ(compiled.error().code, Code::invalid);
  return compiled.error().note;
}
std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (; times > 0; --times) out += text;
  return out;
}

constexpr std::string_view person = R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "name": {"type": "string", "minLength": 1},
    "age": {"type": "integer", "minimum": 0},
    "tags": {"type": "array", "items": {"enum": ["red", "green"]}}
  },
  "required": ["name"],
  "additionalProperties": false
})";

TEST(JsonSchema, a_request_that_does_not_fit_is_refused_with_the_path_and_what_is_expected) {
  // rule: commands/weakness.13
  EXPECT_EQ(misfit(person, R"({"name":"Ada","age":36,"tags":["red"]})"), "");
  EXPECT_EQ(misfit(person, R"({"name":5})"), "at /name: a string is expected, and this is 5");
  EXPECT_EQ(misfit(person, R"({"age":1})"), "at the top: the property \"name\" is missing");
  EXPECT_EQ(misfit(person, R"({"name":"Ada","agee":1})"),
            "at /agee: there is no property of this name; did you mean \"age\"?");
  EXPECT_EQ(misfit(person, R"({"name":"Ada","tags":["red","gren"]})"),
            "at /tags/1: one of \"green\", \"red\" is expected, and this is \"gren\"; did you mean \"green\"?");
  EXPECT_EQ(misfit(person, R"([])"), "at the top: an object is expected, and this is []");
  EXPECT_EQ(misfit(person, R"({"name":)"), "line 1, column 9: the text ends in the middle of a value");
}

TEST(JsonSchema, says_of_all_places_what_does_not_fit_up_to_eight) {
  EXPECT_EQ(
      misfit(person, R"({"age":-1,"name":"","x~/y":0})"),
      "at /age: at least 0 is expected, and this is -1; at /name: at least 1 character is expected, and here are 0; "
      "at /x~0~1y: there is no property of this name");
  const std::string note = misfit(R"({"items":{"type":"null"}})", "[1,2,3,4,5,6,7,8,9,10]");
  EXPECT_THAT(note, HasSubstr("at /7: null is expected, and this is 8"));
  EXPECT_THAT(note, testing::Not(HasSubstr("at /8")));
}

TEST(JsonSchema, knows_types_and_that_an_integer_is_one_in_any_form) {
  EXPECT_TRUE(fits(R"({"type":"integer"})", "1.0"));
  EXPECT_TRUE(fits(R"({"type":"integer"})", "1e3"));
  EXPECT_TRUE(fits(R"({"type":"integer"})", "123456789012345678901234567890"));
  EXPECT_FALSE(fits(R"({"type":"integer"})", "1.5"));
  EXPECT_FALSE(fits(R"({"type":"integer"})", "123456789012345678901234567890.5"));
  EXPECT_TRUE(fits(R"({"type":"number"})", "1.5"));
  EXPECT_TRUE(fits(R"({"type":["string","null"]})", "null"));
  EXPECT_EQ(misfit(R"({"type":["string","integer","null"]})", "true"),
            "at the top: a string, an integer or null is expected, and this is true");
  EXPECT_TRUE(fits("true", "{}"));
  EXPECT_EQ(misfit("false", "{}"), "at the top: nothing may be here");
}

TEST(JsonSchema, compares_numbers_by_all_their_digits) {
  EXPECT_TRUE(fits(R"({"maximum":9007199254740993})", "9007199254740993"));
  EXPECT_FALSE(fits(R"({"maximum":9007199254740992})", "9007199254740993"));
  EXPECT_FALSE(fits(R"({"maximum":18446744073709551615})", "18446744073709551616"));
  EXPECT_TRUE(fits(R"({"minimum":-0.5})", "-0.5"));
  EXPECT_FALSE(fits(R"({"minimum":-0.5})", "-0.51"));
  EXPECT_FALSE(fits(R"({"exclusiveMinimum":0})", "0.0"));
  EXPECT_TRUE(fits(R"({"exclusiveMinimum":0})", "1e-999"));
  EXPECT_TRUE(fits(R"({"exclusiveMaximum":1e999})", "1e998"));
  EXPECT_FALSE(fits(R"({"exclusiveMaximum":1e999})", "10e998"));
  EXPECT_TRUE(fits(R"({"const":100})", "1.00e2"));
  EXPECT_FALSE(fits(R"({"const":100})", "100.0000000000000000000000000001"));
  EXPECT_TRUE(fits(R"({"multipleOf":0.01})", "19.99"));
  EXPECT_FALSE(fits(R"({"multipleOf":0.01})", "19.999"));
  EXPECT_TRUE(fits(R"({"multipleOf":7})", "7e300"));
  EXPECT_FALSE(fits(R"({"multipleOf":7})", "1e300"));
  EXPECT_TRUE(fits(R"({"multipleOf":3})", "0"));
  EXPECT_TRUE(fits(R"({"multipleOf":2.5e10})", "5e10"));
}

TEST(JsonSchema, counts_letters_items_and_properties) {
  EXPECT_TRUE(fits(R"({"maxLength":1})", "\"\xc3\xa4\""));
  EXPECT_EQ(misfit(R"({"maxLength":1})", R"("ab")"), "at the top: at most 1 character is expected, and here are 2");
  EXPECT_TRUE(fits(R"({"minLength":2.0,"maxLength":1e30})", R"("ab")"));
  EXPECT_EQ(misfit(R"({"minItems":2})", "[1]"), "at the top: at least 2 items are expected, and here is 1");
  EXPECT_FALSE(fits(R"({"maxItems":0})", "[1]"));
  EXPECT_EQ(misfit(R"({"minProperties":1})", "{}"), "at the top: at least 1 property is expected, and here are 0");
  EXPECT_FALSE(fits(R"({"maxProperties":1})", R"({"a":1,"b":2})"));
}

TEST(JsonSchema, looks_into_arrays) {
  EXPECT_EQ(misfit(R"({"uniqueItems":true})", R"([1,{"a":[1],"b":2},3,{"b":2.0,"a":[1]}])"),
            "at the top: the items 1 and 3 are equal, and may not be");
  EXPECT_TRUE(fits(R"({"uniqueItems":true})", R"([1,"1",true,[1],{"a":1},{"b":1},null,[],{}])"));
  EXPECT_TRUE(fits(R"({"contains":{"type":"null"}})", "[1,null]"));
  EXPECT_THAT(misfit(R"({"contains":{"type":"null"}})", "[1]"), HasSubstr("\"contains\""));
}

TEST(JsonSchema, looks_into_objects) {
  constexpr std::string_view schema = R"({"patternProperties":{"^n":{"type":"number"}},
    "properties":{"name":{"minimum":3}},"additionalProperties":{"type":"string"},"propertyNames":{"maxLength":5}})";
  EXPECT_TRUE(fits(schema, R"({"name":4,"n":1,"x":"y"})"));
  EXPECT_EQ(misfit(schema, R"({"name":2})"), "at /name: at least 3 is expected, and this is 2");
  EXPECT_FALSE(fits(schema, R"({"name":"4"})"));
  EXPECT_FALSE(fits(schema, R"({"x":5})"));
  EXPECT_EQ(misfit(schema, R"({"xxxxxx":"y"})"),
            "at /xxxxxx: the name of this property does not fit: at most 5 characters are expected, and here are 6");
  EXPECT_TRUE(fits(R"({"required":["a"],"additionalProperties":{"type":"null"}})", R"({"a":null})"));
  EXPECT_FALSE(fits(R"({"required":["a"],"additionalProperties":false})", R"({"a":null})"));
}

TEST(JsonSchema, puts_schemas_together) {
  EXPECT_FALSE(fits(R"({"allOf":[{"minimum":1},{"maximum":2}]})", "3"));
  EXPECT_TRUE(fits(R"({"anyOf":[{"type":"null"},{"maximum":2}]})", "1"));
  EXPECT_FALSE(fits(R"({"not":{"type":"null"}})", "null"));
  EXPECT_TRUE(fits(R"({"not":{"type":"null"}})", "1"));
  EXPECT_FALSE(fits(R"({"if":{"minimum":10},"then":{"multipleOf":10},"else":{"maximum":5}})", "15"));
  EXPECT_FALSE(fits(R"({"if":{"minimum":10},"then":{"multipleOf":10},"else":{"maximum":5}})", "7"));
  EXPECT_TRUE(fits(R"({"if":{"minimum":10},"then":{"multipleOf":10},"else":{"maximum":5}})", "20"));
  EXPECT_EQ(misfit(R"({"oneOf":[{"minimum":1},{"type":"null"},{"maximum":2}]})", "1"),
            "at the top: one form of \"oneOf\" is to fit, and both number 0 and number 2 do");
  EXPECT_FALSE(fits(R"({"const":1,"enum":[2,3]})", "1"));
  EXPECT_TRUE(fits(R"({"const":{"a":[1,2]},"enum":[2,{"a":[1.0,2]}]})", R"({"a":[1,2]})"));
}

TEST(JsonSchema, says_of_several_forms_what_the_one_lacks_that_was_meant) {
  EXPECT_EQ(misfit(R"({"anyOf":[{"type":"number"},{"type":"string"}]})", "[]"),
            "at the top: none of the 2 forms fits that may be here: (1) a number is expected, and this is [], (2) a "
            "string is expected, and this is []");
  constexpr std::string_view by_name = R"({"oneOf":[
    {"type":"object","properties":{"Circle":{"type":"object","properties":{"radius":{"type":"number"}}}},
     "required":["Circle"],"additionalProperties":false},
    {"type":"object","properties":{"Label":{"type":"string"}},"required":["Label"],"additionalProperties":false},
    {"const":"Nothing"}]})";
  EXPECT_EQ(misfit(by_name, R"({"Circle":{"radius":"1"}})"),
            "at /Circle/radius: a number is expected, and this is \"1\"");
  constexpr std::string_view by_kind = R"({"oneOf":[
    {"properties":{"kind":{"const":"a"},"x":{"type":"number"}},"required":["kind","x"]},
    {"properties":{"kind":{"const":"b"},"y":{"type":"number"}},"required":["kind","y"]}]})";
  EXPECT_EQ(misfit(by_kind, R"({"kind":"b"})"), "at the top: the property \"y\" is missing");
}

TEST(JsonSchema, follows_references_in_the_schema) {
  EXPECT_EQ(misfit(R"({"$ref":"#/$defs/a~1b%25","$defs":{"a/b%":{"type":"null"}}})", "1"),
            "at the top: null is expected, and this is 1");
  constexpr std::string_view tree = R"({"type":"object","properties":{"children":{"items":{"$ref":"#"}}},
    "additionalProperties":false})";
  EXPECT_TRUE(fits(tree, R"({"children":[{"children":[{}]}]})"));
  EXPECT_EQ(misfit(tree, R"({"children":[{},{"children":[5]}]})"),
            "at /children/1/children/0: an object is expected, and this is 5");
  EXPECT_FALSE(fits(R"({"definitions":{"a":{"type":"null"}},"items":{"$ref":"#/definitions/a"}})", "[1]"));
  EXPECT_FALSE(fits(R"({"allOf":[{"type":"null"}],"items":{"$ref":"#/allOf/0"}})", "[1]"));
}

TEST(JsonSchema, other_keywords_count_beside_a_reference_but_in_draft_7) {
  EXPECT_FALSE(fits(R"({"$ref":"#/$defs/a","maximum":5,"$defs":{"a":{"type":"number"}}})", "6"));
  EXPECT_TRUE(fits(R"({"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/a","maximum":5,
    "definitions":{"a":{"type":"number"}}})",
                   "6"));
}

TEST(JsonSchema, takes_what_is_a_note_as_a_note) {
  EXPECT_TRUE(fits(R"({"$id":"https://example.org/a","$comment":"","title":"","description":"","default":1,
    "examples":[2],"readOnly":true,"writeOnly":false,"deprecated":false,"format":"date","contentEncoding":"base64",
    "contentMediaType":"text/plain"})",
                   R"("no date")"));
}

TEST(JsonSchema, refuses_what_it_does_not_check_unless_more_is_allowed) {
  // rule: commands/weakness.13
  EXPECT_EQ(
      refusal(R"({"properties":{"a":{"prefixItems":[true]}}})"),
      "in the schema, at /properties/a/prefixItems: \"prefixItems\" is no keyword that draft 7 and 2020-12 of JSON "
      "Schema have in common; leave it out, or set allows_more, which ignores what is not checked here");
  EXPECT_THAT(refusal(R"({"requierd":["a"]})"), HasSubstr("did you mean \"required\"?"));
  for (const std::string_view schema :
       {R"({"items":[{"type":"null"}]})", R"({"unevaluatedProperties":false})", R"({"dependentRequired":{}})",
        R"({"$dynamicRef":"#a"})", R"({"additionalItems":false})", R"({"properties":{"a":{"$id":"x"}}})",
        R"({"$schema":"http://json-schema.org/draft-04/schema#"})", R"_({"pattern":"(?=a)"})_",
        R"({"patternProperties":{"(a)\\1":false},"additionalProperties":false})",
        R"({"multipleOf":1.2345678901234567890123})"}) {
    EXPECT_THAT(refusal(schema), HasSubstr("allows_more")) << schema;
    const auto compiled = JsonSchema::compile(schema, more);
    ASSERT_TRUE(compiled) << compiled.error().note;
    EXPECT_TRUE(compiled->validate(R"({"a":1})"));
  }
}

TEST(JsonSchema, a_reference_to_nowhere_is_refused_whatever_is_allowed) {
  for (const char* target : {"#/$defs/b", "#/$defs/a/", "#a", "#/type/0/0", "#/enum/7", "#/%4", "#/~2", "#/%zz"}) {
    const std::string schema =
        R"({"$defs":{"a":true},"type":["null"],"enum":[null],"$ref":")" + std::string(target) + "\"}";
    EXPECT_THAT(refusal(schema, more), HasSubstr("nothing where the reference")) << target;
  }
  EXPECT_THAT(refusal(R"({"$ref":"https://example.org/schema"})", more), HasSubstr("leads out of the schema"));
}

TEST(JsonSchema, refuses_keywords_with_values_of_the_wrong_kind) {
  EXPECT_EQ(refusal(R"({"items":{"minLength":-1}})"),
            "in the schema, at /items/minLength: a whole number from 0 is expected here");
  for (const std::string_view schema : {"5",
                                        R"({"type":"int"})",
                                        R"({"type":5})",
                                        R"({"type":[]})",
                                        R"({"type":[5]})",
                                        R"({"enum":5})",
                                        R"({"minimum":"5"})",
                                        R"({"multipleOf":0})",
                                        R"({"multipleOf":-1})",
                                        R"({"multipleOf":"1"})",
                                        R"({"maxItems":1.5})",
                                        R"({"maxItems":"1"})",
                                        R"({"uniqueItems":1})",
                                        R"({"pattern":1})",
                                        R"({"not":1})",
                                        R"({"allOf":{}})",
                                        R"({"anyOf":[]})",
                                        R"({"properties":[]})",
                                        R"({"required":"a"})",
                                        R"({"required":[1]})",
                                        R"({"patternProperties":[]})",
                                        R"({"$defs":[]})",
                                        R"({"$ref":1})",
                                        R"({"$schema":1})",
                                        R"({"$id":1})",
                                        R"({"title":1})",
                                        R"({"examples":1})",
                                        R"({"readOnly":1})",
                                        R"({"$defs":{"a":5}})"}) {
    EXPECT_THAT(refusal(schema, more), HasSubstr("in the schema, at ")) << schema;
  }
  EXPECT_THAT(refusal("{"), HasSubstr("no JSON that can be used: line 1, column 2"));
}

TEST(JsonSchema, a_key_that_is_there_twice_is_refused_in_schemas_and_values) {
  EXPECT_THAT(refusal(R"({"type":"null","type":"string"})"), HasSubstr("the key \"type\" is in one object twice"));
  EXPECT_THAT(misfit("{}", R"([{"a":1,"b":2,"a":3}])"), HasSubstr("the key \"a\" is in one object twice"));
}

TEST(JsonSchema, a_schema_that_refers_to_itself_for_one_value_is_refused) {
  EXPECT_THAT(refusal(R"({"$ref":"#"})"), HasSubstr("at the top: the schema refers to itself"));
  EXPECT_THAT(refusal(R"({"properties":{"x":{"$ref":"#/$defs/a"}},"$defs":{"a":{"$ref":"#/$defs/a"}}})"),
              HasSubstr("at /$defs/a: the schema refers to itself"));
  EXPECT_THAT(refusal(R"({"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}})"),
              HasSubstr("the schema refers to itself"));
}

TEST(JsonSchema, is_bounded_in_size_depth_and_references) {
  EXPECT_THAT(refusal(std::string(300 << 10, ' ')), HasSubstr("262144 are allowed"));
  EXPECT_THAT(refusal(repeated(R"({"not":)", 100) + "{}" + repeated("}", 100)), HasSubstr("deeper than 64"));
  EXPECT_THAT(misfit("{}", repeated("[", 100'000)), HasSubstr("deeper than 64"));
  std::string chain = R"({"$ref":"#/$defs/a0","$defs":{)";
  for (int i = 0; i < 100; ++i) {
    chain += "\"a" + std::to_string(i) + R"(":{"$ref":"#/$defs/a)" + std::to_string(i + 1) + "\"},";
  }
  EXPECT_THAT(refusal(chain + R"("a100":true}})"), HasSubstr("more than 64 steps"));
  EXPECT_THAT(refusal(R"({"enum":[],"allOf":[)" + repeated("{},", 20'000) + "{}]}"), HasSubstr("20000 parts"));
  const auto small = JsonSchema::compile("{}", {.value_bytes_max = 3});
  EXPECT_THAT(small->validate("1234").error().note, HasSubstr("3 are allowed"));
}

// Each refers to the next one twice: 2^40 ways to look at one value.
TEST(JsonSchema, a_value_takes_no_more_steps_than_its_size_allows) {
  std::string bomb = R"({"$ref":"#/$defs/a0","$defs":{)";
  for (int i = 0; i < 40; ++i) {
    const std::string next = R"({"$ref":"#/$defs/a)" + std::to_string(i + 1) + "\"}";
    bomb += "\"a" + std::to_string(i) + R"(":{"allOf":[)" + next + "," + next + "]},";
  }
  bomb.replace(bomb.rfind("},"), 2, R"(},"a40":{}}})");
  EXPECT_THAT(refusal(bomb), HasSubstr("more than 64 steps"));
  const auto compiled = JsonSchema::compile(bomb, {.depth_max = 200});
  ASSERT_TRUE(compiled) << compiled.error().note;
  EXPECT_THAT(compiled->validate("1").error().note, HasSubstr("more steps to check"));

  constexpr std::string_view both =
      R"({"properties":{"a":{"not":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}}},"required":["a"]})";
  const std::string deep = repeated(R"({"a":)", 60) + "1" + repeated("}", 60);
  EXPECT_THAT(misfit(both, deep), HasSubstr("more steps to check"));
}

TEST(JsonSchema, value_and_schema_together_are_not_nested_beyond_the_stack) {
  std::string chain = R"({"items":{"$ref":"#/$defs/a0"},"$defs":{)";
  for (int i = 0; i < 20; ++i) {
    chain += "\"a" + std::to_string(i) + R"(":{"$ref":"#/$defs/a)" + std::to_string(i + 1) + "\"},";
  }
  chain += R"("a20":{"items":{"$ref":"#/$defs/a0"}}}})";
  EXPECT_THAT(misfit(chain, repeated("[", 60) + repeated("]", 60)), HasSubstr("nested too deeply"));
  EXPECT_TRUE(fits(chain, repeated("[", 20) + repeated("]", 20)));
}

TEST(JsonSchema, patterns_and_unique_items_stay_linear) {
  const std::string letters = '"' + std::string(3000, 'a') + "!\"";
  EXPECT_THAT(misfit(R"({"pattern":"^(a+)+$"})", letters), HasSubstr("a string with the pattern ^(a+)+$ is expected"));
  EXPECT_THAT(misfit(R"({"pattern":"((a?){30}){30}b"})", letters), HasSubstr("more steps to check"));
  EXPECT_TRUE(fits(R"({"uniqueItems":false})", "[" + repeated("[],", 5000) + "1]"));
  EXPECT_THAT(misfit(R"({"uniqueItems":true})", "[" + repeated("[],", 5000) + "1]"), HasSubstr("are equal"));
}

std::string name_of(std::string_view start, int number, std::string_view end) {
  return '"' + std::string(start) + std::to_string(number) + std::string(end) + '"';
}

// Of some 14 bytes each, and of 4000 states.
TEST(JsonSchema, its_patterns_share_states_as_its_size_allows) {
  std::string many = R"({"patternProperties":{"^first$":false)";
  for (int i = 0; i < 4000; ++i) many += "," + name_of("a", i, "{4000}") + ":{}";
  many += R"(,"b":{"type":"null"}},"additionalProperties":false})";
  EXPECT_THAT(
      refusal(many),
      testing::AllOf(HasSubstr("in the schema, at /patternProperties: the pattern \"a"),
                     HasSubstr("{4000}\" cannot be used: with its repetitions written out it has more than "),
                     HasSubstr(" states, and other patterns leave it no more; leave it out, or set allows_more")));
  // Those that find no room are not checked, the others are.
  const auto compiled = JsonSchema::compile(many, more);
  ASSERT_TRUE(compiled) << compiled.error().note;
  EXPECT_TRUE(compiled->validate(R"({"x":1})"));
  EXPECT_FALSE(compiled->validate(R"({"first":1})"));
  EXPECT_FALSE(compiled->validate(R"({"b":1})"));
}

TEST(JsonSchema, its_only_pattern_may_be_as_large_as_any_and_many_ordinary_ones_have_room) {
  EXPECT_TRUE(JsonSchema::compile(R"({"pattern":"a{4095}"})"));
  EXPECT_THAT(refusal(R"({"pattern":"a{4096}"})"), HasSubstr("more than 4096 states; leave it out"));
  std::string large = R"({"properties":{"first":{"type":"string","pattern":"^[\\w.-]{1,255}$"})";
  for (int i = 0; i < 3000; ++i) {
    large += "," + name_of("id", i, "") + R"(:{"type":"string","pattern":"^[a-z_]{1,16}(-[0-9a-f]{4}){2,6}$"})";
  }
  large += "}}";
  const auto compiled = JsonSchema::compile(large);
  ASSERT_TRUE(compiled) << compiled.error().note;
  EXPECT_TRUE(compiled->validate(R"({"first":"a.b-c","id2999":"key-0123-cdef"})"));
  EXPECT_FALSE(compiled->validate(R"({"id2999":"key-0123"})"));
}

TEST(JsonSchema, a_copy_is_the_same_schema) {
  JsonSchema first = JsonSchema::compile(R"({"type":"null"})").value();
  const JsonSchema second = first;
  first = JsonSchema::compile(R"({"type":"string"})").value();
  EXPECT_TRUE(second.validate("null"));
  EXPECT_FALSE(first.validate("null"));
}

template <class T>
void fits_its_type(std::uint64_t seed) {
  const std::string text = to_json(RandomValues(seed).make<T>());
  static const JsonSchema schema = JsonSchema::compile(json_schema_of<T>()).value();
  const Result<void> fits = schema.validate(text);
  if (!fits) RC_FAIL(fits.error().note + " of " + text);
}

RC_GTEST_PROP(JsonSchemaOfAll, the_json_of_a_value_fits_the_schema_of_its_type, (std::uint64_t seed)) {
  fits_its_type<random_types::Scalars>(seed);
  fits_its_type<random_types::Containers>(seed);
  fits_its_type<random_types::Choices>(seed);
  fits_its_type<std::tuple<double, float>>(seed);
  fits_its_type<std::vector<random_types::Tree>>(seed);
}

TEST(JsonSchemaOfAll, what_the_reader_refuses_does_not_fit_the_schema_of_its_type) {
  const JsonSchema schema = JsonSchema::compile(json_schema_of<random_types::Choices>()).value();
  const std::string good = to_json(random_types::Choices());
  EXPECT_TRUE(schema.validate(good));
  for (const auto& [from, to] : {std::pair{R"("nothing":null)", R"("nothing":{})"},
                                 {R"("tuple":[0)", R"("tuple":[256)"},
                                 {R"("either":{"ok")", R"("either":{"OK")"},
                                 {R"("shapes":[])", R"("shapes":["Circle"])"},
                                 {R"("value":0)", R"("value":40000)"},
                                 {R"("radius")", R"("Radius")"}}) {
    std::string bad = good;
    const std::size_t at = bad.find(from);
    ASSERT_NE(at, std::string::npos) << from << " in " << good;
    bad.replace(at, std::string_view(from).size(), to);
    EXPECT_FALSE(from_json<random_types::Choices>(bad)) << bad;
    EXPECT_FALSE(schema.validate(bad)) << bad;
  }
}

}  // namespace
}  // namespace parley::codec
