#pragma once

#include "codec/postcard_reader.h"
#include "codec/postcard_writer.h"

// Postcard, strictly: encode(Writer&, value), decode(Reader&, value) for every type that codec/kinds.h knows. Numbers
// are shortest LEB128 (longer forms are read), signed ones zigzag; ranges, bools, UTF-8, counts, variants and depth are
// checked, duplicate keys of maps and sets refused. Text is not checked for UTF-8 when it is written: its reader does.
