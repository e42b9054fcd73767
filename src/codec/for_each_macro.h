#pragma once

// PARLEY_FOR_EACH(macro, fixed, items...) is macro(fixed, item), macro(fixed, item), ...  for up to 256 items. An item
// may stand in parentheses, which are taken off: (count, default_(3)) arrives as two arguments more.

#define PARLEY_FOR_EACH(macro, fixed, ...) __VA_OPT__(PARLEY_RESCAN(PARLEY_FOR_EACH_STEP(macro, fixed, __VA_ARGS__)))

#define PARLEY_FOR_EACH_STEP(macro, fixed, item, ...)     \
  PARLEY_FOR_EACH_CALL(macro, fixed, PARLEY_OPENED(item)) \
  __VA_OPT__(, PARLEY_FOR_EACH_AGAIN PARLEY_PARENTHESES(macro, fixed, __VA_ARGS__))
#define PARLEY_FOR_EACH_AGAIN() PARLEY_FOR_EACH_STEP
#define PARLEY_FOR_EACH_CALL(macro, ...) macro(__VA_ARGS__)
#define PARLEY_PARENTHESES ()

// (a, b) becomes a, b; a stays a.
#define PARLEY_OPENED(item) PARLEY_OPENED_PASTE(PARLEY_OPENED_MARK item)
#define PARLEY_OPENED_MARK(...) PARLEY_OPENED_MARK __VA_ARGS__
#define PARLEY_OPENED_PASTE(...) PARLEY_OPENED_JOIN(__VA_ARGS__)
#define PARLEY_OPENED_JOIN(...) PARLEY_DROP_##__VA_ARGS__
#define PARLEY_DROP_PARLEY_OPENED_MARK

#define PARLEY_RESCAN(...) PARLEY_RESCAN_3(PARLEY_RESCAN_3(PARLEY_RESCAN_3(PARLEY_RESCAN_3(__VA_ARGS__))))
#define PARLEY_RESCAN_3(...) PARLEY_RESCAN_2(PARLEY_RESCAN_2(PARLEY_RESCAN_2(PARLEY_RESCAN_2(__VA_ARGS__))))
#define PARLEY_RESCAN_2(...) PARLEY_RESCAN_1(PARLEY_RESCAN_1(PARLEY_RESCAN_1(PARLEY_RESCAN_1(__VA_ARGS__))))
#define PARLEY_RESCAN_1(...) PARLEY_RESCAN_0(PARLEY_RESCAN_0(PARLEY_RESCAN_0(PARLEY_RESCAN_0(__VA_ARGS__))))
#define PARLEY_RESCAN_0(...) __VA_ARGS__

#define PARLEY_FIRST_OF(...) PARLEY_FIRST_OF_THESE(__VA_ARGS__)
#define PARLEY_FIRST_OF_THESE(first, ...) first
#define PARLEY_REST_OF(...) PARLEY_REST_OF_THESE(__VA_ARGS__)
#define PARLEY_REST_OF_THESE(first, ...) __VA_ARGS__
