import { ProtobufWriter } from './protobuf-writer.ts';

/**
 * The OpenAPI 2 document in the protobuf form of gnostic (`openapi.v2.Document`), which is all that client-go asks
 * `/openapi/v2` for. Field numbers are those of OpenAPIv2.proto; a property that the form has no field for is left out,
 * and an `x-` property travels as YAML text, of which JSON is a part.
 */
export function encodeSwagger(document: object): Buffer {
  return encode(documentShape, document);
}

/** `application/…` with `@` is what clients ask for, with a dot what they are answered. */
export const swaggerProtobufTypes = {
  asked: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  answered: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
};

type FieldWriter = (writer: ProtobufWriter, field: number, value: unknown) => void;

interface Shape {
  readonly fields: Readonly<Record<string, readonly [field: number, write: FieldWriter]>>;
  /** Where `x-` properties go. */
  readonly extensions?: number;
}

function encode(shape: Shape, value: unknown): Buffer {
  const writer = new ProtobufWriter();
  for (const [key, member] of entriesOf(value)) {
    const known = shape.fields[key];
    if (known !== undefined) known[1](writer, known[0], member);
    else if (shape.extensions !== undefined && key.startsWith('x-')) {
      writer.bytes(shape.extensions, named(key, anyValue(member)));
    }
  }
  return writer.finish();
}

const text: FieldWriter = (writer, field, value) => {
  writer.string(field, String(value));
};
const flag: FieldWriter = (writer, field, value) => {
  writer.bool(field, value === true);
};
const integer: FieldWriter = (writer, field, value) => {
  writer.integer(field, Math.max(0, Number(value)));
};
const double: FieldWriter = (writer, field, value) => {
  writer.double(field, Number(value));
};
const any: FieldWriter = (writer, field, value) => {
  writer.bytes(field, anyValue(value));
};

const each =
  (write: FieldWriter): FieldWriter =>
  (writer, field, value) => {
    for (const item of Array.isArray(value) ? value : []) write(writer, field, item);
  };

/** A message, made of the value by the shape that `of` gives; a function, since shapes contain themselves. */
const message =
  (of: (value: unknown) => Buffer): FieldWriter =>
  (writer, field, value) => {
    writer.bytes(field, of(value));
  };

/** A map: a message whose `field` repeats pairs of name and value. */
const mapOf = (field: number, of: (value: unknown) => Buffer): FieldWriter =>
  message((value) => {
    const writer = new ProtobufWriter();
    for (const [key, member] of entriesOf(value)) writer.bytes(field, named(key, of(member)));
    return writer.finish();
  });

function named(name: string, value: Uint8Array): Buffer {
  const writer = new ProtobufWriter();
  writer.string(1, name);
  writer.bytes(2, value);
  return writer.finish();
}

/** A message that only says which of several it holds. */
function choice(field: number, value: Uint8Array): Buffer {
  const writer = new ProtobufWriter();
  writer.bytes(field, value);
  return writer.finish();
}

function anyValue(value: unknown): Buffer {
  const writer = new ProtobufWriter();
  writer.string(2, JSON.stringify(value));
  return writer.finish();
}

const schema = (value: unknown): Buffer => encode(schemaShape, value);

const schemaShape: Shape = {
  fields: {
    $ref: [1, text],
    format: [2, text],
    title: [3, text],
    description: [4, text],
    default: [5, any],
    multipleOf: [6, double],
    maximum: [7, double],
    exclusiveMaximum: [8, flag],
    minimum: [9, double],
    exclusiveMinimum: [10, flag],
    maxLength: [11, integer],
    minLength: [12, integer],
    pattern: [13, text],
    maxItems: [14, integer],
    minItems: [15, integer],
    uniqueItems: [16, flag],
    maxProperties: [17, integer],
    minProperties: [18, integer],
    required: [19, each(text)],
    enum: [20, each(any)],
    additionalProperties: [21, message(additionalProperties)],
    type: [22, message((value) => choice(1, Buffer.from(String(value))))],
    items: [23, message((value) => choice(1, schema(value)))],
    allOf: [24, each(message(schema))],
    properties: [25, mapOf(1, schema)],
    example: [30, any],
  },
  extensions: 31,
};

function additionalProperties(value: unknown): Buffer {
  if (typeof value !== 'boolean') return choice(1, schema(value));
  const writer = new ProtobufWriter();
  writer.bool(2, value);
  return writer.finish();
}

const bodyParameterShape: Shape = {
  fields: {
    description: [1, text],
    name: [2, text],
    in: [3, text],
    required: [4, flag],
    schema: [5, message(schema)],
  },
};
const placedFields = { required: [1, flag], in: [2, text], description: [3, text], name: [4, text] } as const;
const queryParameterShape: Shape = { fields: { ...placedFields, type: [6, text], uniqueItems: [20, flag] } };
const pathParameterShape: Shape = { fields: { ...placedFields, type: [5, text], uniqueItems: [19, flag] } };

/** ParametersItem > Parameter > body or (NonBodyParameter > query or path). */
const parameter = message((value) => {
  const place = new Map(entriesOf(value)).get('in');
  if (place === 'body') return choice(1, choice(1, encode(bodyParameterShape, value)));
  const inner =
    place === 'path' ? choice(4, encode(pathParameterShape, value)) : choice(3, encode(queryParameterShape, value));
  return choice(1, choice(2, inner));
});

const responseShape: Shape = {
  fields: { description: [1, text], schema: [2, message((value) => choice(1, schema(value)))] },
};

const operationShape: Shape = {
  fields: {
    tags: [1, each(text)],
    description: [3, text],
    operationId: [5, text],
    produces: [6, each(text)],
    consumes: [7, each(text)],
    parameters: [8, each(parameter)],
    responses: [9, mapOf(1, (value) => choice(1, encode(responseShape, value)))],
    schemes: [10, each(text)],
  },
  extensions: 13,
};
const operation = message((value) => encode(operationShape, value));

const pathItemShape: Shape = {
  fields: {
    get: [2, operation],
    put: [3, operation],
    post: [4, operation],
    delete: [5, operation],
    options: [6, operation],
    head: [7, operation],
    patch: [8, operation],
    parameters: [9, each(parameter)],
  },
};

const infoShape: Shape = { fields: { title: [1, text], version: [2, text] } };

const documentShape: Shape = {
  fields: {
    swagger: [1, text],
    info: [2, message((value) => encode(infoShape, value))],
    paths: [8, mapOf(2, (value) => encode(pathItemShape, value))],
    definitions: [9, mapOf(1, schema)],
  },
};

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}
