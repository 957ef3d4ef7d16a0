/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Drawing and writing a PNG file: see demo_picture.h. The picture is one of
 * cells, its right half the mirror of its left one, on a ground that grows
 * lighter downwards. The file keeps to the PNG specification (ISO/IEC 15948):
 * a signature and three chunks. Its zlib stream (RFC 1950) holds the rows in
 * one stored block (RFC 1951, 3.2.4), which needs no compressor.
 */
#include "demo/demo_picture.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	SIDE = AC_DEMO_PICTURE_SIDE,
	CELLS = 8, /* in a row */
	CELL = SIDE / CELLS,
	CHANNELS = 3,
	ROW_BYTES = 1 + SIDE * CHANNELS, /* the filter's type before it */
	PIXEL_BYTES = SIDE * ROW_BYTES,
	ZLIB_HEAD = 2 + 5, /* and that of its block */
	ZLIB_BYTES = ZLIB_HEAD + PIXEL_BYTES + 4,
};

static_assert(PIXEL_BYTES <= 0xffff, "more than a stored block takes");
static_assert(CELLS * CELLS / 2 == 32, "a cell of the left half for each bit");

static const unsigned char signature[] = {
    0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static void draw(unsigned char *rows, uint64_t colours, uint64_t pattern);
static bool is_marked(uint64_t pattern, int x, int y);
static void add_chunk(struct evbuffer *file, const char type[5],
    const unsigned char *data, size_t len);
static void put_32(unsigned char *at, uint32_t number);
static uint32_t add_to_crc(uint32_t crc, const unsigned char *data, size_t len);
static uint32_t adler(const unsigned char *data, size_t len);

char *
ac_demo_picture_make(uint64_t colours, uint64_t pattern, size_t *len)
{
	static const unsigned char zlib_head[ZLIB_HEAD] = {0x78, 0x01,
	    0x01, /* the last block, stored */
	    PIXEL_BYTES & 0xff, PIXEL_BYTES >> 8, ~PIXEL_BYTES & 0xff,
	    ~(PIXEL_BYTES >> 8) & 0xff};
	unsigned char header[13] = {[8] = 8, /* bits of a channel */
	    [9] = 2};                        /* red, green, blue */
	unsigned char data[ZLIB_BYTES];
	unsigned char *rows = data + ZLIB_HEAD;
	struct evbuffer *file = ac_text_new();

	put_32(header, SIDE);
	put_32(header + 4, SIDE);
	memcpy(data, zlib_head, sizeof(zlib_head));
	draw(rows, colours, pattern);
	put_32(rows + PIXEL_BYTES, adler(rows, PIXEL_BYTES));
	ac_text_add(file, (const char *)signature, sizeof(signature));
	add_chunk(file, "IHDR", header, sizeof(header));
	add_chunk(file, "IDAT", data, sizeof(data));
	add_chunk(file, "IEND", header, 0);
	*len = evbuffer_get_length(file);
	return ac_text_take(file);
}

static void
draw(unsigned char *rows, uint64_t colours, uint64_t pattern)
{
	unsigned char *pixel = rows;

	for (int y = 0; y < SIDE; y++) {
		*pixel++ = 0; /* not filtered */
		for (int x = 0; x < SIDE; x++) {
			unsigned shift = is_marked(pattern, x, y) ? 24 : 0;

			for (int i = 0; i < CHANNELS; i++) {
				unsigned part =
				    (unsigned)(colours >>
					       (shift + 8U * (unsigned)i)) &
				    0x7f;

				*pixel++ =
				    (unsigned char)(shift > 0
							? 255 - part
							: part + (unsigned)y);
			}
		}
	}
}

static bool
is_marked(uint64_t pattern, int x, int y)
{
	int column = x / CELL;

	if (column >= CELLS / 2)
		column = CELLS - 1 - column;
	return (pattern >> (y / CELL * (CELLS / 2) + column) & 1) != 0;
}

static void
add_chunk(struct evbuffer *file, const char type[5], const unsigned char *data,
    size_t len)
{
	unsigned char number[4];
	uint32_t sum = add_to_crc(0xffffffff, (const unsigned char *)type, 4);

	put_32(number, (uint32_t)len);
	ac_text_add(file, (const char *)number, sizeof(number));
	ac_text_add(file, type, 4);
	ac_text_add(file, (const char *)data, len);
	put_32(number, ~add_to_crc(sum, data, len));
	ac_text_add(file, (const char *)number, sizeof(number));
}

/* The most significant byte first. */
static void
put_32(unsigned char *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(number >> (24 - 8 * i));
}

/* Bit by bit, as a picture is small. Begins with all ones and is inverted at
 * its end. */
static uint32_t
add_to_crc(uint32_t crc, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
	}
	return crc;
}

static uint32_t
adler(const unsigned char *data, size_t len)
{
	uint32_t a = 1;
	uint32_t b = 0;

	for (size_t i = 0; i < len; i++) {
		a = (a + data[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}
