"""What is said about pixels in Brazilian Portuguese, code by code as in `english`."""

from typing import Final

DECISIONS: Final = {
    "encoding_corrected": "O conjunto de dados não está escrito como diz a sintaxe de "
    "transferência; lido como está escrito.",
    "bytes_after_data": "{count:,} bytes após o último elemento de dados foram ignorados.",
    "vr_restored": "{count} elemento(s) de dados com VR ausente, desconhecida ou fora de lugar "
    "(primeiro: {tag}, byte {at:,}); lido(s) pelo dicionário.",
    "delimiter_restored": "{count} delimitador(es) de itens ou sequências ausente(s), errado(s) ou "
    "fora de lugar (primeiro: byte {at:,}); lido(s) pelo que se segue.",
    "length_corrected": "{count} comprimento(s) errado(s) (primeiro: {tag}, byte {at:,}); "
    "lido(s) pelo conteúdo.",
    "sequence_unread": "{count} sequência(s) ilegível(is) (primeira: {tag}, byte {at:,}); "
    "ignorada(s).",
    "element_twice": "{count} elemento(s) de dados repetido(s) com valores diferentes "
    "(primeiro: {tag}); vale o primeiro.",
    "syntax_assumed": "A sintaxe de transferência não é informada; supõe-se {syntax}.",
    "syntax_wrong": "A sintaxe de transferência diz {said}; os pixels são {found} e foram lidos "
    "assim.",
    "not_compressed": "A sintaxe de transferência diz {said}, mas os pixels não estão comprimidos.",
    "samples_wrong": "O cabeçalho diz {said} amostra(s) por pixel, {photometric}; o fluxo "
    "comprimido tem {found}.",
    "colour_space_wrong": "O cabeçalho diz {said}; as amostras são {found} e foram lidas assim.",
    "excess_pixel_data": "Pixel Data tem {extra:,} bytes além da imagem; foram ignorados.",
    "byte_order_wrong": "Os pixels só formam uma imagem na outra ordem de bytes; invertida.",
    "bits_of_codestream": "Bits Stored é {said}; o fluxo comprimido tem {found}, que contêm o "
    "sinal.",
    "high_bit_ignored": "High Bit é {high_bit} com {stored} bits armazenados, mas os valores estão "
    "nos {stored} bits inferiores; sem deslocamento.",
    "high_bit_shifted": "High Bit é {high_bit} com {stored} bits armazenados: deslocado em "
    "{shift}.",
    "overlay_bits_removed": "Os bits acima de Bits Stored ({stored}) contêm um overlay; removidos.",
    "upper_bits_removed": "Os bits acima de Bits Stored ({stored}) não continuam a imagem; "
    "removidos.",
    "overlay_not_shown": "{count} overlay(s) junto à imagem não são mostrados ao modelo.",
    "values_above_bits_stored": "Os valores chegam a {top}, acima de {limit}, o máximo de Bits "
    "Stored {stored}; todos os bits são mantidos.",
    "stray_values_clipped": "{count:,} pixels são espúrios ou excedem o limite: mostrados como "
    "{ceiling}.",
    "more_bits_used": "Escala de {bits} bits, como os valores exigem.",
    "fewer_bits_used": "A imagem declara {stored} bits, mas seus valores precisam de {bits} "
    "({low} a {top}); escala de {bits} bits.",
    "signed_pixels": "Os pixels têm sinal; escala de {low} a {high}.",
    "sign_extended": "Os pixels têm sinal, {stored} bits; o sinal foi restaurado.",
    "sign_found": "Pixel Representation é 0, mas só valores com sinal formam uma imagem; lidos com "
    "sinal.",
    "sign_ignored": "Pixel Representation é 1, mas só valores sem sinal formam uma imagem; lidos "
    "sem sinal.",
    "padding_blackened": "{count:,} pixels são preenchimento ({value}) e aparecem em preto.",
    "padding_ignored": "{share:.0%} dos pixels têm o valor de preenchimento {value}; "
    "não são tratados como preenchimento.",
    "palette_grey": "Foi aplicada uma paleta de cinza de {entries} entradas.",
    "rgb_grey": "Armazenada como {photometric}, mas em tons de cinza: usado um canal.",
    "decimal_comma": "{attribute} {said} foi lido como {read}: a vírgula é o separador decimal.",
    "number_repaired": "{attribute} {said} foi lido como {read}.",
    "number_unreadable": "{attribute} {said} não pode ser lido como número e é ignorado.",
    "spacing_ignored": "{attribute} {said} não é um espaçamento possível de pixels e é ignorado.",
    "rescale_applied": "Aplicados slope {slope:g} e intercept {intercept:g} de Rescale.",
    "rescale_invalid": "O slope {slope:g} de Rescale não pode ser aplicado e é ignorado.",
    "modality_lut_applied": "Aplicada a Modality LUT de {entries} entradas, {bits} bits.",
    "modality_lut_invalid": "A Modality LUT não pode ser usada ({why}) e é ignorada.",
    "voi_lut_applied": "Aplicada a VOI LUT {number} de {count}, {entries} entradas, {bits} bits.",
    "voi_lut_invalid": "A VOI LUT {number} não pode ser usada ({why}) e é ignorada.",
    "window_applied": "Aplicada a janela {number} de {count}: centro {center:g}, largura "
    "{width:g}, {function}.",
    "window_invalid": "A janela {number} (centro {center:g}, largura {width:g}, {function}) "
    "não pode ser usada e é ignorada.",
    "window_destroys": "A janela {number} (centro {center:g}, largura {width:g}, {function}) "
    "deixaria {shades} de 256 tons e tornaria preta ou branca {share:.0%} da parte central da "
    "imagem: não aplicada.",
    "voi_lut_destroys": "A VOI LUT {number} deixaria {shades} de 256 tons e tornaria preta ou "
    "branca {share:.0%} da parte central da imagem: não aplicada.",
    "modality_lut_destroys": "A Modality LUT deixa {shades} de 256 tons e torna preta ou branca "
    "{share:.0%} da parte central da imagem: desfeita.",
    "palette_destroys": "A paleta deixa {shades} de 256 tons e torna preta ou branca {share:.0%} "
    "da parte central da imagem.",
    "pixel_range_used": "Nenhuma janela ou tabela pode ser aplicada; usada a faixa de valores dos "
    "pixels.",
    "voi_not_applied": "Há {count} janela(s) ou VOI LUT(s); o pipeline torchxrayvision "
    "não aplica nenhuma.",
    "monochrome1_inverted": "MONOCHROME1, valores pequenos são claros: invertida.",
    "presentation_inverse": "Presentation LUT Shape é INVERSE: invertida.",
    "presentation_contradicts": "Presentation LUT Shape {shape} contradiz {photometric}; "
    "invertida.",
    "lut_values_above_bits": "{lut} contém valores até {top}, acima dos {said} bits declarados; "
    "escala de {bits} bits.",
    "lut_fewer_bits_used": "{lut} declara {said} bits, seus valores precisam de {bits}; "
    "escala de {bits} bits.",
    "shutter_applied": "Aplicado o obturador de exibição {shape}: {count:,} pixels aparecem em "
    "preto.",
    "shutter_noted": "Há um obturador de exibição {shape}, que não é aplicado.",
    "collimator_noted": "Há um colimador {shape}; os pixels fora dele aparecem como armazenados.",
    "turned_upright": "Patient Orientation é {said}: girada para a posição usual para o modelo; "
    "imagens e posições seguem o arquivo.",
    "mirrored_upright": "Patient Orientation é {said}: espelhada para a posição usual para o "
    "modelo; imagens e posições seguem o arquivo.",
    "orientation_unusable": "Patient Orientation {said} não informa a posição da imagem; "
    "supõe-se a posição usual.",
    "display_turn_noted": "Image Rotation {rotation} e Image Horizontal Flip {flip} pertencem a "
    "estados de apresentação; não são aplicados.",
    "crop_leaves_out": "O modelo vê o quadrado central: {share:.0%} da imagem ficam fora dele.",
    "picture_turned": "A marca de orientação da câmera (EXIF {orientation}) foi seguida.",
    "transparency_ignored": "Partes da imagem são transparentes; mostradas como armazenadas.",
    "one_bit": "A imagem tem apenas preto e branco.",
    "lossy_compression": "Comprimida com perdas ({method}).",
}
"""Code → text; the values in braces come from the image."""

REFUSALS: Final = {
    "no_pixels": "o objeto não contém Pixel Data",
    "multi_frame": "a imagem tem {frames} quadros, e não apenas um",
    "incomplete": "{attribute} está ausente ou não é um número",
    "incomplete.palette": "falta a paleta",
    "too_many_pixels": "{rows} × {columns} pixels excedem o limite de {limit:,}",
    "too_many_pixels.picture": "a imagem tem {count:,} pixels, acima do limite de {limit:,}",
    "unsupported_pixels": "Bits Allocated é {allocated}; são lidos 8, 16 e 32",
    "unsupported_pixels.stored": "Bits Stored é {stored}, com {allocated} bits alocados",
    "unsupported_pixels.samples": "Samples per Pixel é {samples}",
    "unsupported_pixels.contradiction": "{photometric} com {samples} amostra(s) por pixel é uma "
    "contradição",
    "unsupported_pixels.float": "os pixels estão em {attribute}",
    "unknown_photometric": "Photometric Interpretation {photometric} não é suportada",
    "unknown_photometric.missing": "Photometric Interpretation está ausente",
    "truncated": "Pixel Data tem {found:,} bytes; a imagem precisa de {needed:,}",
    "undecodable": "os pixels, em {syntax}, não podem ser decodificados: {why}",
    "undecodable.no_syntax": "os pixels, sem sintaxe de transferência, não podem ser "
    "decodificados: {why}",
    "undecodable.syntax": "a sintaxe de transferência {syntax} é desconhecida",
    "undecodable.palette": "a paleta não pode ser aplicada: {why}",
    "colour": "{count:,} pixels são coloridos ({photometric})",
    "blank": "a imagem está vazia: todos os pixels têm o valor {value}",
    "noise": "os pixels são ruído: rugosidade {roughness:.2f}; a de uma radiografia é menor que "
    "{limit}",
}
"""Code → text of the reasons why pixels are not read."""

PHRASES: Final = {
    "modality_lut": "A Modality LUT",
    "palette": "A paleta",
    "voi_lut": "A VOI LUT {number}",
    "lut_descriptor": "o descritor não tem três valores",
    "lut_bits": "as entradas têm {bits} bits",
    "lut_short": "{found} bytes para {count} entradas",
    "lut_segments": "os segmentos não podem ser expandidos",
    "value_range": "{low} a {high}",
    "uncompressed": "não comprimidos",
    "codestream_shows": "{coding}, segundo o fluxo comprimido",
    "ratio": "{method}, taxa {ratio:g}:1",
    "method_unknown": "método não informado",
    "decoder": "erro do decodificador, {error}",
    "ends_early": "o fluxo está incompleto",
    "header_ends_early": "o cabeçalho do fluxo está incompleto",
    "no_codestream": "não é JPEG, JPEG-LS, JPEG 2000 nem RLE",
    "no_frame": "não há nenhum quadro",
    "fragments": "há {count:,} fragmentos, acima do limite de {limit:,}",
    "no_marker": "falta um marcador JPEG",
    "jpeg_process": "o processo JPEG SOF{process} não é suportado por nenhum decodificador",
    "scan_first": "os dados vêm antes do cabeçalho do quadro",
    "no_size": "a imagem ou seus tiles não têm dimensões",
    "tiles": "há {tiles} tiles; o permitido é de 1 a {limit}",
    "components_differ": "os componentes diferem em profundidade ou tamanho",
    "subsampled": "os componentes estão subamostrados",
    "shape": "a matriz é {found}, e não {needed}",
    "size": "o fluxo contém {rows} × {columns} pixels; o cabeçalho diz {said_rows} × "
    "{said_columns}",
    "precision": "as amostras têm {bits} bits",
    "samples": "há {samples} amostras por pixel",
    "segments": "há {found} segmentos, e não {needed}",
    "segment_short": "o segmento {number} tem {found} bytes, e não {needed}",
}
"""Code → phrase in a text: what a table is called, or why something cannot be used."""
