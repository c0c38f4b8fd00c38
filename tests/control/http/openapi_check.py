#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Is it OpenAPI 3.1, as far as this project uses it? check(document) says what is wrong, a list. As a program: reads
a document, ends with 1 if something is wrong."""
import json
import re
import sys

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
SCHEMA_TYPES = {"string", "integer", "number", "boolean", "object", "array", "null"}
# where another schema stands in a schema
SUBSCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
SCHEMA_LISTS = ("oneOf", "anyOf", "allOf", "prefixItems")
SCHEMA_MAPS = ("properties", "patternProperties", "$defs")
SCHEMA_WORDS = {"$ref", "$defs", "type", "enum", "const", "description", "default", "pattern", "format", "minLength", "maxLength", "minimum",
                "maximum", "minItems", "maxItems", "uniqueItems", "required", "readOnly", "title", "examples", "minProperties",
                *SUBSCHEMAS, *SCHEMA_LISTS, *SCHEMA_MAPS}


class Check:
    def __init__(self, document):
        self.document, self.wrong, self.ids = document, [], {}

    def say(self, where, what):
        self.wrong.append(f"{where}: {what}")

    def want(self, value, kind, where):
        if not isinstance(value, kind):
            self.say(where, f"want {kind.__name__}, got {value!r:.60}")
        return isinstance(value, kind)

    def resolve(self, ref, where):
        at = self.document
        for part in ref.split("/")[1:] if ref.startswith("#/") else [None]:
            at = at.get(part) if isinstance(at, dict) else None
        if at is None:
            self.say(where, f"$ref {ref} leads nowhere")
        return at

    def schema(self, schema, where):
        if isinstance(schema, bool):
            return
        if not self.want(schema, dict, where):
            return
        for word in schema:
            if word not in SCHEMA_WORDS and not word.startswith("x-"):
                self.say(where, f"{word} is no word of JSON Schema that is known here")
        if "$ref" in schema:
            self.resolve(schema["$ref"], where)
        types = schema.get("type", [])
        for one in types if isinstance(types, list) else [types]:
            if one not in SCHEMA_TYPES:
                self.say(where, f"type {one}")
        if "pattern" in schema:
            re.compile(schema["pattern"])
        if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
            self.say(where, "enum is empty")
        if schema.get("minimum", 0) > schema.get("maximum", schema.get("minimum", 0)):
            self.say(where, "minimum is over maximum")
        for name in schema.get("required", []) if "properties" in schema else []:
            if name not in schema["properties"]:
                self.say(where, f"required {name} is no property")
        for word in SUBSCHEMAS:
            if word in schema:
                self.schema(schema[word], f"{where}/{word}")
        for word in SCHEMA_LISTS:
            for i, one in enumerate(schema.get(word, [])):
                self.schema(one, f"{where}/{word}/{i}")
        for word in SCHEMA_MAPS:
            for name, one in schema.get(word, {}).items():
                self.schema(one, f"{where}/{word}/{name}")

    def content(self, content, where):
        if self.want(content, dict, where):
            for media, one in content.items():
                if not re.fullmatch(r"[a-z]+/[a-z0-9.+-]+(; *[a-z]+=[\w.-]+)*", media):
                    self.say(where, f"{media} is no media type")
                self.schema(one["schema"], f"{where}/{media}")

    def response(self, response, where):
        if "$ref" in response:
            response = self.resolve(response["$ref"], where) or {}
        if not response.get("description"):
            self.say(where, "no description")
        self.content(response.get("content", {}), where)

    def parameters(self, path, operation, where):
        names = [(one.get("in"), one.get("name")) for one in operation.get("parameters", [])]
        if len(set(names)) != len(names):
            self.say(where, "a parameter twice")
        if sorted(name for place, name in names if place == "path") != sorted(re.findall(r"{(.+?)}", path)):
            self.say(where, f"path parameters are {names}")
        for one in operation.get("parameters", []):
            if one["in"] not in ("path", "query", "header") or (one["in"] == "path" and one.get("required") is not True):
                self.say(where, f"parameter {one}")
            self.schema(one["schema"], f"{where}/{one['name']}")

    def operation(self, path, method, operation):
        where = f"{method} {path}"
        if method not in METHODS:
            self.say(where, "no method")
        name = operation.get("operationId", "")
        if not re.fullmatch(r"\w+", name) or name in self.ids:
            self.say(where, f"operationId {name!r} is no identifier, or also of {self.ids.get(name)}")
        self.ids[name] = where
        if not operation.get("summary"):
            self.say(where, "no summary")
        known = {one["name"] for one in self.document.get("tags", [])}
        if not set(operation.get("tags", [])) <= known:
            self.say(where, f"tags {operation['tags']} are not all known")
        self.parameters(path, operation, where)
        if "requestBody" in operation:
            self.content(operation["requestBody"]["content"], where + " body")
        for status, response in operation["responses"].items():
            if not re.fullmatch(r"[1-5]\d\d|[1-5]XX|default", status):
                self.say(where, f"status {status}")
            self.response(response, f"{where} {status}")
        if not any(status.startswith("2") for status in operation["responses"]):
            self.say(where, "no answer for success")
        for one in operation.get("security", []):
            self.security(one, where)

    def security(self, one, where):
        for name in one:
            if name not in self.document["components"]["securitySchemes"]:
                self.say(where, f"security {name} is not known")

    def run(self):
        document = self.document
        if not re.fullmatch(r"3\.1\.\d+", document.get("openapi", "")):
            self.say("openapi", "want 3.1.x")
        for word in ("title", "version"):
            self.want(document["info"].get(word), str, f"info/{word}")
        shapes = {}
        for path, item in document["paths"].items():
            shape = re.sub(r"{.+?}", "{}", path)
            if not path.startswith("/") or shape in shapes:
                self.say(path, f"no path, or as {shapes.get(shape)}")
            shapes[shape] = path
            for method, operation in item.items():
                self.operation(path, method, operation)
        for name, one in document["components"]["schemas"].items():
            self.schema(one, f"schemas/{name}")
        for name, one in document["components"]["responses"].items():
            self.response(one, f"responses/{name}")
        for one in document.get("security", []):
            self.security(one, "security")
        return self.wrong


def check(document):
    return Check(document).run()


if __name__ == "__main__":
    found = check(json.load(sys.stdin))
    print("\n".join(found))
    sys.exit(bool(found))
