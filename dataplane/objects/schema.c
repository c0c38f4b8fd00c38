/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON Schema (draft 2020-12) of every type, from the tables of types.c. The caller owns what it
 * gets. */
#include "codec.h"

#include <string.h>

static json_t *fields_schema(const struct api_field *fields);

/* Takes over both; a NULL value (memory ran out) makes the whole NULL. */
static json_t *with(json_t *schema, const char *key, json_t *value)
{
	if (schema && !json_object_set_new(schema, key, value))
		return schema;
	json_decref(schema);
	return NULL;
}

static json_t *of_type(const char *name)
{
	return with(json_object(), "type", json_string(name));
}

static json_t *name_schema(const struct api_field *field)
{
	json_t *out = of_type("string");

	out = with(out, "pattern",
		json_string(field->max ? "^[A-Za-z0-9._@-]+$" : "^[A-Za-z0-9._:@/-]+$"));
	out = with(
		out, "maxLength", json_integer(field->max ? (json_int_t)field->max : LIMIT_NAME));
	if (field->ref >= 0)
		out = with(out, "x-ref", json_string(api_types[field->ref].name));
	return out;
}

static json_t *names_schema(const struct api_field *field)
{
	json_t *names = json_array();

	for (int i = 0; field->names[i]; i++)
		json_array_append_new(names, json_string(field->names[i]));
	return with(of_type("string"), "enum", names);
}

static json_t *enum_schema(const struct api_field *field)
{
	json_t *out = names_schema(field);

	if (!(field->flags & FIELD_REQUIRED))
		out = with(out, "default", json_string(field->names[field->preset]));
	return out;
}

static json_t *only_schema(const struct api_field *field)
{
	json_t *out = json_array();

	for (int value = -1; api_only_next(field, &value);)
		json_array_append_new(out, json_integer(value));
	return out;
}

static json_t *integer_schema(const struct api_field *field)
{
	json_t *out = of_type("integer");

	if (field->only)
		out = with(out, "enum", only_schema(field));
	out = with(out, "minimum", json_integer(field->min));
	out = with(out, "maximum", json_integer(field->max));
	if (!(field->flags & (FIELD_REQUIRED | FIELD_HIDE_DEFAULT | FIELD_ANSWER)))
		out = with(out, "default", json_integer(field->preset));
	return out;
}

static json_t *via_schema(void)
{
	json_t *out = of_type("array");

	out = with(out, "maxItems", json_integer(LIMIT_ROUTE_VIA));
	return with(out, "items", fields_schema(api_via_fields));
}

static json_t *item_schema(const struct api_field *field)
{
	json_t *out;

	switch (field->kind) {
	case FIELD_IDS:
		out = with(of_type("integer"), "minimum", json_integer(field->min));
		return with(out, "maximum", json_integer(field->max));
	case FIELD_TEXTS:
		return with(of_type("string"), "maxLength", json_integer(field->max));
	case FIELD_PREFIXES:
		return with(of_type("string"), "x-format", json_string("ip-prefix"));
	case FIELD_SET:
		return names_schema(field);
	default:
		return fields_schema(field->fields);
	}
}

static json_t *list_schema(const struct api_field *field)
{
	json_t *out = of_type("array");

	out = with(out, "minItems", json_integer(field->min_items));
	out = with(out, "maxItems", json_integer(field->max_items));
	return with(out, "items", item_schema(field));
}

static json_t *ip_schema(const struct api_field *field, const char *format)
{
	json_t *out = with(of_type("string"), "x-format", json_string(format));

	return field->family ? with(out, "x-family", json_integer(field->family)) : out;
}

static json_t *value_schema(const struct api_field *field)
{
	switch (field->kind) {
	case FIELD_NAME:
		return name_schema(field);
	case FIELD_TEXT:
		return with(of_type("string"), "maxLength", json_integer(field->size - 1));
	case FIELD_U32:
	case FIELD_U64:
		return integer_schema(field);
	case FIELD_BOOL:
		return field->has
			       ? of_type("boolean")
			       : with(of_type("boolean"), "default", json_boolean(field->preset));
	case FIELD_MAC:
		return with(of_type("string"), "pattern",
			json_string("^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$"));
	case FIELD_IP:
		return ip_schema(field, "ip");
	case FIELD_PREFIX:
		return ip_schema(field, "ip-prefix");
	case FIELD_ENUM:
		return enum_schema(field);
	case FIELD_VIA:
		return via_schema();
	case FIELD_OBJECT:
		return fields_schema(field->fields);
	default:
		return list_schema(field);
	}
	return NULL;
}

static json_t *field_schema(const struct api_field *field)
{
	json_t *out = with(value_schema(field), "description", json_string(field->help));

	if (field->flags & FIELD_ANSWER)
		out = with(out, "readOnly", json_true());
	return out;
}

/* The names of the fields that have the flag. */
static json_t *names_with(const struct api_field *fields, unsigned flag)
{
	json_t *out = json_array();

	for (; fields->name; fields++)
		if (fields->flags & flag)
			json_array_append_new(out, json_string(fields->name));
	return out;
}

/* [{"required":["port"]},{"required":["attachment"]}] */
static json_t *one_of(const struct api_field *fields)
{
	json_t *out = json_array();

	for (; fields->name; fields++)
		if (fields->flags & FIELD_EITHER)
			json_array_append_new(out, json_pack("{s:[s]}", "required", fields->name));
	return out;
}

static json_t *fields_schema(const struct api_field *fields)
{
	json_t *properties = json_object(), *out = of_type("object"), *either = one_of(fields);

	for (const struct api_field *field = fields; field->name; field++)
		properties = with(properties, field->name, field_schema(field));
	out = with(out, "properties", properties);
	out = with(out, "required", names_with(fields, FIELD_REQUIRED));
	out = with(out, "additionalProperties", json_false());
	if (json_array_size(either))
		return with(out, "oneOf", either);
	json_decref(either);
	return out;
}

json_t *api_type_schema(const struct api_type *type)
{
	json_t *out = fields_schema(type->fields);

	out = with(out, "description", json_string(type->help));
	out = with(out, "x-key", names_with(type->fields, FIELD_KEY));
	return with(out, "x-limit", json_integer(type->limit));
}

json_t *api_schema(void)
{
	json_t *types = json_object(), *out = json_object();

	for (int i = 0; i < OBJECT_TYPES; i++)
		types = with(types, api_types[i].name, api_type_schema(&api_types[i]));
	out = with(out, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	return with(out, "$defs", types);
}
